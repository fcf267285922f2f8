"""scripts/packaged-template: what it writes is what AWS's own transform makes of template.yaml, without one."""

import json
import re
import subprocess

import pytest

from processes import PROJECT, REGION, SAM
from templates import Rendering, packaged, read

# The SAM CLI's own reader and translator, as CloudFormation runs the latter.
TRANSLATED = """
import json, sys
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

class Policies:
    def load(self):
        return {}

built, packaged = (yaml_parse(open(name).read()) for name in sys.argv[1:])
code = {"Bucket": "bucket", "Key": "key"}
built["Resources"]["Function"]["Properties"]["CodeUri"] = code
print(json.dumps([transform(built, {}, Policies()), packaged]))
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("packaged") / "countermand.yaml"
    path.write_text(packaged())
    return path


def test_cfn_lint_finds_nothing_to_warn_of(file):
    done = subprocess.run([SAM / "bin" / "cfn-lint", file], capture_output=True, text=True, timeout=180)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_resource_is_what_the_transform_makes_of_it(file):
    command = [SAM / "bin" / "python", "-c", TRANSLATED, PROJECT / "template.yaml", file]
    done = subprocess.run(command, env={"AWS_DEFAULT_REGION": REGION}, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    translated, written = json.loads(done.stdout)
    resources = translated["Resources"]
    # What is for `sam build` alone, a mark of the transform's own, and where the code is.
    assert resources["Function"].pop("Metadata")["BuildMethod"]
    assert resources["Function"]["Properties"].pop("Tags") == [{"Key": "lambda:createdBy", "Value": "SAM"}]
    code = resources["Function"]["Properties"].pop("Code")
    assert written["Resources"]["Function"]["Properties"].pop("Code").keys() == code.keys() == {"S3Bucket", "S3Key"}
    assert written["Resources"] == resources
    assert written["Outputs"] == translated["Outputs"]
    assert written["Rules"] == translated["Rules"]
    assert written["Parameters"].keys() - translated["Parameters"].keys() == {"CodeBucket", "CodeKey"}


def test_it_fits_into_a_call_and_needs_nothing_beside_it(file):
    """CloudFormation takes a template of at most 51,200 bytes as it is, and a longer one only from a bucket."""
    text = file.read_text()
    assert len(text.encode()) <= 51_200
    assert "Transform" not in read(text) and "AWS::Serverless" not in text and "BuildMethod" not in text
    groups = read(text)["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    assert grouped == list(read(text)["Parameters"])


@pytest.mark.parametrize("given, bucket", [("code", "code"), ("code-REGION", f"code-{REGION}")])
def test_one_name_serves_a_bucket_in_each_region(file, given, bucket):
    template = read(file.read_text())
    assert re.fullmatch(template["Parameters"]["CodeBucket"]["AllowedPattern"], given)
    function = Rendering(template, CodeBucket=given, CodeKey="a.zip").resources["Function"]["Properties"]
    assert function["Code"] == {"S3Bucket": bucket, "S3Key": "a.zip"}


def test_the_command_that_deploys_it_says_all_that_has_to_be_said(file):
    page = (PROJECT / "docs" / "deploy.md").read_text()
    [command] = re.findall(r"^aws cloudformation deploy ((?:.*\\\n)*.*)", page, re.MULTILINE)
    parameters = read(file.read_text())["Parameters"]
    given = set(re.findall(r"\b([A-Z]\w+)=", command))
    assert {one for one, rule in parameters.items() if "Default" not in rule} <= given <= parameters.keys()


def test_a_template_that_it_does_not_know_is_refused(tmp_path):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "packaged-template").write_text((PROJECT / "scripts" / "packaged-template").read_text())
    text = (PROJECT / "template.yaml").read_text()
    (tmp_path / "template.yaml").write_text(text.replace("CodeUri: .", "CodeUri: target"))
    done = subprocess.run(["python3", tmp_path / "scripts" / "packaged-template"], capture_output=True, text=True)
    assert done.returncode == 1 and "CodeUri" in done.stderr and done.stdout == ""
