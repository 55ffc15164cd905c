"""How several processes are started (`train.launcher`): by torchrun or accelerate, each of them runs this stage."""

import os
import signal
from pathlib import Path

from stages.common.base.errors import ParamsError, UserError, is_launched
from stages.common.base.printable import say
from stages.common.models.base import pretrained
from stages.common.schema import Params
from stages.train import processes


def refuse_impossible(settings: Params) -> None:
    """Raise ParamsError for what no launcher can start here."""
    train = settings.train
    config = Path(train.accelerate_config)
    if train.launcher == "accelerate" and not config.is_file():
        raise ParamsError(
            f"params.yaml: train.accelerate_config = {train.accelerate_config!r}: accepted is a file that "
            "`accelerate config` writes, or one of presets/launch/"
        )
    if train.launcher == "accelerate" and settings.lora.init != "default" and processes.parts(settings) > 1:
        raise ParamsError(
            f"params.yaml: lora.init = {settings.lora.init!r} needs weights that are whole, and {config} spreads them; "
            "type: -S lora.init=default"
        )
    if train.launcher == "accelerate" and pretrained.device() == "cpu":
        raise ParamsError(
            "params.yaml: train.launcher = 'accelerate' needs GPUs; on a CPU, type: -S train.launcher=torchrun"
        )
    gpus = processes.visible_gpus()
    if train.launcher != "python" and gpus and train.processes > gpus:
        raise ParamsError(f"params.yaml: train.processes = {train.processes}: there are {gpus} GPUs; type: "
                          f"-S train.processes={gpus}")  # fmt: skip
    if train.launcher != "python" and not is_launched():
        processes.shared(settings, processes.here(settings) * processes.machines())


def launch(settings: Params) -> None:
    """Run this stage again in each process and wait for them. Raises SystemExit with the exit code of the one that
    failed first; it has said why.

    On several machines, each one starts the stage with PET_NNODES, PET_NODE_RANK and PET_MASTER_ADDR set, torchrun's
    own variables.
    """
    import logging

    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    number, nodes = processes.here(settings), processes.machines()
    each = f" on each of {nodes} machines" if nodes > 1 else ""
    say(f"train: {settings.train.launcher} starts {number} process{'es' * (number > 1)}{each}", flush=True)
    logging.disable(logging.CRITICAL)  # torchrun tells the whole story of each failure; ours is one line
    try:
        {"torchrun": with_torchrun, "accelerate": with_accelerate}[settings.train.launcher](settings, number)
    except ChildFailedError as error:
        code = error.get_first_failure()[1].exitcode
        if code < 0:
            raise UserError(
                f"one of the processes was ended by {signal.Signals(-code).name}; if memory ran out, lower "
                "train.per_device_train_batch_size"
            ) from None
        raise SystemExit(code) from None
    except SignalException as error:
        raise (KeyboardInterrupt if error.sigval == signal.SIGINT else SystemExit(128 + error.sigval)) from None
    finally:
        logging.disable(logging.NOTSET)


def with_torchrun(settings: Params, number: int) -> None:
    from torch.distributed import run

    # The other machines wait as long as the data stages of the first one take.
    waiting = (
        ["--rdzv-conf", f"timeout={int(processes.LONGEST_WAIT.total_seconds())}"] if processes.machines() > 1 else []
    )
    run.run(run.parse_args(["--nproc-per-node", str(number), *waiting, "-m", "stages.train"]))


def with_accelerate(settings: Params, number: int) -> None:
    """What torchrun's variables say of the machines, under accelerate's names."""
    from accelerate.commands.launch import launch_command, launch_command_parser

    words = ["--config_file", settings.train.accelerate_config, "--module"]
    nodes = processes.machines()
    words += ["--num_machines", str(nodes), "--num_processes", str(number * nodes)]
    if nodes > 1:
        words += ["--machine_rank", os.environ.get("PET_NODE_RANK", "0")]
        words += ["--main_process_ip", os.environ.get("PET_MASTER_ADDR", "127.0.0.1")]
        words += ["--main_process_port", os.environ.get("PET_MASTER_PORT", "29500")]
        words += ["--rdzv_conf", f"timeout={int(processes.LONGEST_WAIT.total_seconds())}"]
    launch_command(launch_command_parser().parse_args([*words, "stages.train"]))
