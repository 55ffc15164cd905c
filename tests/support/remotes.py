"""Servers that a DVC remote can be on: an S3 bucket and an SFTP directory, on this machine."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import boto3
from moto.server import ThreadedMotoServer

KEYS = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "their-key", "AWS_DEFAULT_REGION": "eu-central-1"}


@contextmanager
def bucket() -> Iterator[str]:
    """The address of an S3 service with an empty bucket `team`, which KEYS open."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        address = "http://{}:{}".format(*server.get_host_and_port())
        named = {"aws_access_key_id": "somebody", "aws_secret_access_key": "their-key", "region_name": "us-east-1"}
        boto3.client("s3", endpoint_url=address, **named).create_bucket(Bucket="team")
        yield address
    finally:
        server.stop()


@contextmanager
def sftp_server(directory: Path) -> Iterator[tuple[int, Path]]:
    """The port of an SSH server that serves files, and the private key that it admits."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    file = directory / "id_ed25519"
    key.write_private_key(str(file))
    file.chmod(0o600)
    loop = asyncio.new_event_loop()
    listening = asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        authorized_client_keys=asyncssh.import_authorized_keys(key.export_public_key().decode()),
        sftp_factory=True,
    )
    server = loop.run_until_complete(listening)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.get_port(), file
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()
