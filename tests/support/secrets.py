"""One made-up secret of each kind that is looked for; none is or was a real one."""

import random
import string

_random = random.Random(20)
_LETTERS = string.ascii_letters + string.digits


def _word(length: int, letters: str = _LETTERS) -> str:
    return "".join(_random.choice(letters) for _ in range(length))


_HEX = "0123456789abcdef"
PLANTED = {
    "AWS Access Key": "AKIA" + _word(16, string.ascii_uppercase + string.digits),
    "AWS Secret Key": "aws_secret_access_key = " + _word(40),
    "Azure Storage Account access key": "AccountKey=" + _word(86) + "==",
    "Basic Auth Credentials": "https://keeper:" + _word(12) + "@hub.lamps.cn/",
    "Bearer token": "Bearer 7" + _word(30),
    "Cloudant Credentials": "cloudant_password=" + _word(64, _HEX),
    "Discord Bot Token": "M" + _word(24) + "." + _word(6) + "." + _word(27),
    "GitHub Token": "ghp_" + _word(36),
    "GitHub token": "github_pat_" + _word(70),
    "GitLab Token": "glpat-" + _word(24),
    "IBM Cloud IAM Key": "ibm_cloud_api_key=" + _word(44),
    "JSON Web Token": "eyJ" + _word(24) + ".eyJ" + _word(30) + "." + _word(40),
    "Mailchimp Access Key": _word(32, _HEX) + "-us12",
    "NPM tokens": "//registry.lamps.cn/:_authToken=npm_" + _word(36),
    "OpenAI or Anthropic key": "sk-proj-" + _word(40),
    "Private Key": "-----BEGIN RSA PRIVATE KEY-----\n"
    + _word(64)
    + "\n"
    + _word(50)
    + "==\n-----END RSA PRIVATE KEY-----",
    "PyPI Token": "pypi-AgEIcHlwaS5vcmc" + _word(80),
    "SendGrid API Key": "SG." + _word(22) + "." + _word(43),
    "Slack Token": "xoxb-" + _word(11, string.digits) + "-" + _word(24, string.ascii_lowercase + string.digits),
    "SoftLayer Credentials": "softlayer_api_key=" + _word(64, string.ascii_lowercase + string.digits),
    "Square OAuth Secret": "sq0csp-" + _word(43),
    "Stripe Access Key": "sk_live_" + _word(24),
    "Telegram Bot Token": _word(9, "123456789") + ":AA" + _word(33),
    "Twilio API Key": "AC" + _word(32, _HEX),
    "Hugging Face token": "hf_" + _word(34),
    "Google key": "AIza" + _word(35),
    "Alibaba Cloud key": "LTAI" + _word(20),
    "Tencent Cloud key": "AKID" + _word(32),
}
