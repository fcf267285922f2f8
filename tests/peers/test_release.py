"""The workflows, as zizmor audits them, and what a release is made of. No workflow is run here."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from processes import PROJECT

WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
RELEASE = yaml.safe_load((PROJECT / ".github" / "workflows" / "release.yml").read_text())


def audited(*paths):
    """Without the network, which zizmor has further audits for."""
    command = [Path(sys.executable).with_name("zizmor"), "--offline", "--persona", "pedantic", "--no-progress", *paths]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_zizmor_finds_nothing_to_warn_of():
    done = audited(*WORKFLOWS)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "found, instead, audit",
    [
        (r"@[0-9a-f]{40} # v[0-9.]+", "@v4", "unpinned-uses"),
        (r"          persist-credentials: false\n", "          fetch-depth: 1\n", "artipacked"),
        (r'"\$GITHUB_REF_NAME" >', '"${{ github.ref_name }}" >', "template-injection"),
    ],
)
def test_zizmor_would_find(tmp_path, found, instead, audit):
    wrong, times = re.subn(found, instead, (PROJECT / ".github" / "workflows" / "release.yml").read_text())
    (tmp_path / "release.yml").write_text(wrong)
    done = audited(tmp_path / "release.yml")
    assert times and done.returncode != 0 and audit in done.stdout


def test_an_action_is_pinned_and_its_comment_says_to_which_version():
    used = [line.strip() for path in WORKFLOWS for line in path.read_text().splitlines() if "uses:" in line]
    assert len(used) >= 7
    for line in used:
        assert re.fullmatch(r"- uses: actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_what_builds_cannot_publish_and_what_publishes_runs_nothing_of_the_project():
    build, publish = RELEASE["jobs"]["build"], RELEASE["jobs"]["publish"]
    assert RELEASE["permissions"] == {} and build["permissions"] == {"contents": "read"}
    assert publish["permissions"] == {"contents": "write", "id-token": "write", "attestations": "write"}
    assert not [step for step in publish["steps"] if "checkout" in step.get("uses", "")]
    assert [step["run"].split()[0] for step in publish["steps"] if "run" in step] == ["gh"]


def test_every_step_is_a_shell_s_language_and_every_script_is_there():
    steps = [
        step["run"]
        for path in WORKFLOWS
        for job in yaml.safe_load(path.read_text())["jobs"].values()
        for step in job["steps"]
        if "run" in step
    ]
    for step in steps:
        read = subprocess.run(["bash", "-n"], input=step, capture_output=True, text=True)
        assert (read.returncode, read.stderr) == (0, ""), step
        for script in re.findall(r"(?<!\S)((?:scripts|\.ci)/[\w-]+)", step):
            assert os.access(PROJECT / script, os.X_OK), script
    assert [step for step in steps if ".ci/run" in step]


def test_the_page_names_what_a_release_holds():
    page = (PROJECT / "docs" / "deploy.md").read_text()
    steps = "".join(step.get("run", "") for step in RELEASE["jobs"]["build"]["steps"])
    assert set(re.findall(r"countermand-\$\{GITHUB_REF_NAME#v\}(\S+?)\"", steps)) == {".yaml", ".cdx.json"}
    assert 'f"countermand-{version}-{architecture}.zip"' in (PROJECT / "scripts" / "package").read_text()
    for name in ("countermand-$version-$architecture.zip", "countermand-$version.yaml", "SHA256SUMS", ".cdx.json"):
        assert name in page, name


VERSION = re.search(r'^version = "(.*)"', (PROJECT / "Cargo.toml").read_text(), re.MULTILINE)[1]
CHANGES = "## [9.9.9] - 2027-01-01\n\n### Added\n\n- Later.\n\n## [{0}] - {1}\n\n### Added\n\n- This.\n\n## [0.0.1] - 2020-01-01\n\n- Before.\n"


@pytest.fixture
def notes(tmp_path):
    (tmp_path / "scripts").mkdir()
    for name in ("scripts/release-notes", "Cargo.toml"):
        shutil.copy(PROJECT / name, tmp_path / name)

    def run(tag, changes):
        (tmp_path / "CHANGELOG.md").write_text(changes)
        return subprocess.run([tmp_path / "scripts" / "release-notes", tag], capture_output=True, text=True)

    return run


def test_the_notes_of_a_release_are_its_section_of_the_changelog(notes):
    done = notes(f"v{VERSION}", CHANGES.format(VERSION, "2026-12-01"))
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "### Added\n\n- This.", "")


@pytest.mark.parametrize(
    "tag, changes, said",
    [
        ("v0.0.1", CHANGES.format(VERSION, "2026-12-01"), f"expected the tag v{VERSION}"),
        (f"v{VERSION}", CHANGES.format(VERSION, "Unreleased"), "expected the date"),
        (f"v{VERSION}", CHANGES.format("0.0.2", "2026-12-01"), "expected a section"),
        (f"v{VERSION}", f"## [{VERSION}] - 2026-12-01\n\n## [0.0.1] - 2020-01-01\n", "got nothing"),
    ],
)
def test_a_tag_without_its_section_releases_nothing(notes, tag, changes, said):
    done = notes(tag, changes)
    assert (done.returncode, done.stdout) == (1, "") and said in done.stderr


def test_the_changelog_has_a_section_of_this_version():
    assert f"\n## [{VERSION}] - " in (PROJECT / "CHANGELOG.md").read_text()
