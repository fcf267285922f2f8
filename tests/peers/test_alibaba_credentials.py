"""Alibaba Cloud's own package of credentials against the simulator.

Its OIDC provider asks for a role as clusters of Alibaba Cloud do, with a token in a file. That the simulator lends it a
key, and that its client signs with that key, is what makes the simulator a judge of the function's own exchange.
"""

import base64
import json
import time

import pytest
from alibabacloud_credentials.client import Client as Credentials
from alibabacloud_credentials.exceptions import CredentialException
from alibabacloud_credentials.provider.oidc import OIDCRoleArnCredentialsProvider
from alibabacloud_credentials.utils import parameter_helper
from alibabacloud_fnf20190315.client import Client
from alibabacloud_fnf20190315.models import StopExecutionRequest
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.utils_models import Config
from botocore.exceptions import ClientError
from Tea.request import TeaRequest

ROLE = "acs:ram::1111222233334444:role/countermand"
PROVIDER = "acs:ram::1111222233334444:oidc-provider/aws"
SUBJECT = "arn:aws:iam::111122223333:role/countermand"
EXCHANGE = "ram.AssumeRoleWithOIDC"


class PlainRequest(TeaRequest):
    """The provider insists on https, and the simulator has no certificate."""

    protocol = property(lambda self: "http", lambda self, _: None)


@pytest.fixture
def provider(simulator, tmp_path, monkeypatch):
    """The package's provider, with a token of its own and another role where that is asked for."""

    def new(token, role=ROLE):
        monkeypatch.setattr(parameter_helper, "get_new_request", lambda: PlainRequest())
        (tmp_path / "token").write_text(token)
        return OIDCRoleArnCredentialsProvider(
            role_arn=role,
            oidc_provider_arn=PROVIDER,
            oidc_token_file_path=str(tmp_path / "token"),
            role_session_name="peers@example-1",
            sts_endpoint=simulator.url.removeprefix("http://"),
        )

    return new


def token(aws, audience="sts.aliyuncs.com", **fields):
    asked = {"Audience": [audience], "SigningAlgorithm": "RS256", "DurationSeconds": 300, **fields}
    return aws("sts").get_web_identity_token(**asked)["WebIdentityToken"]


def test_boto_s_token_says_who_asked_and_for_whom(aws):
    header, claims, _ = (part + "=" * (-len(part) % 4) for part in token(aws).split("."))
    assert json.loads(base64.urlsafe_b64decode(header))["alg"] == "RS256"
    claims = json.loads(base64.urlsafe_b64decode(claims))
    assert (claims["aud"], claims["sub"]) == ("sts.aliyuncs.com", SUBJECT)
    assert claims["iss"].endswith(".tokens.sts.global.api.aws")
    assert claims["exp"] - claims["iat"] == 300 and abs(claims["iat"] - time.time()) < 60


def test_the_package_is_lent_a_key_that_cloudflow_takes(simulator, aws, provider):
    lending = provider(token(aws))
    lent = lending.get_credentials()
    assert all([lent.get_access_key_id(), lent.get_access_key_secret(), lent.get_security_token()])
    [exchange] = simulator.ledger(EXCHANGE)
    assert (exchange["status"], exchange.get("signature")) == (200, None)
    assert exchange["request"]["RoleSessionName"] == "peers@example-1"
    endpoint = simulator.url.removeprefix("http://")
    client = Client(Config(credential=Credentials(provider=lending), region_id="cn-hangzhou", endpoint=endpoint, protocol="HTTP"))
    reply = client.stop_execution(StopExecutionRequest(flow_name="etl", execution_name="nightly-2025-11-20"))
    assert reply.body.status == "Stopped"
    # One exchange served both.
    assert len(simulator.ledger(EXCHANGE)) == 1


def test_a_key_without_its_token_is_refused(simulator, aws, provider):
    lent = provider(token(aws)).get_credentials()
    endpoint = simulator.url.removeprefix("http://")
    keys = {"access_key_id": lent.get_access_key_id(), "access_key_secret": lent.get_access_key_secret()}
    for more, code in [({}, "MissingSecurityToken"), ({"security_token": "another"}, "InvalidSecurityToken.MismatchWithAccessKey")]:
        client = Client(Config(**keys, **more, region_id="cn-hangzhou", endpoint=endpoint, protocol="HTTP"))
        with pytest.raises(ClientException) as error:
            client.stop_execution(StopExecutionRequest(flow_name="etl", execution_name="nightly-2025-11-20"))
        assert error.value.code == code


@pytest.mark.parametrize(
    ("role", "audience", "change", "code"),
    [
        (ROLE, "somebody-else", "", "AuthenticationFail.OIDCToken.AudienceNotMatch"),
        (ROLE, "sts.aliyuncs.com", "AAAA", "AuthenticationFail.OIDCToken.InvalidSignature"),
        (ROLE.replace("countermand", "another"), "sts.aliyuncs.com", "", "EntityNotExist.Role"),
    ],
    ids=["audience", "signature", "role"],
)
def test_a_token_that_does_not_fit_lends_nothing(aws, provider, role, audience, change, code):
    with pytest.raises(CredentialException) as error:
        provider(token(aws, audience) + change, role).get_credentials()
    assert code in str(error.value)


def test_what_is_no_token_lends_nothing(provider):
    with pytest.raises(CredentialException) as error:
        provider("no token").get_credentials()
    assert "AuthenticationFail.OIDCToken.Invalid" in str(error.value)


@pytest.mark.parametrize("fields", [{"SigningAlgorithm": "HS256"}, {"DurationSeconds": 3601}])
def test_aws_refuses_what_it_does_not_sign(aws, fields):
    with pytest.raises(ClientError) as error:
        token(aws, **fields)
    assert error.value.response["Error"]["Code"] == "ValidationError"
