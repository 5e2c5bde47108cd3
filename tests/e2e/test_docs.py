# SPDX-License-Identifier: Apache-2.0
"""Every example of the pages is tried: a block of YAML is checked, and a block of text behind it is what is said."""
import os
import re
import subprocess

import pytest

from harness import REPO

PAGES = [REPO / "docs/configuration.md", REPO / "README.md", *sorted((REPO / "docs/guide").glob("*.md"))]


def examples():
    """(page and number, name of the file, text, what is said of it)"""
    for page in PAGES:
        text = page.read_text()
        blocks = re.findall(r"```yaml\n(.*?)```\n(?:\n```text\n(.*?)```)?", text, re.S)
        for n, (block, said) in enumerate(blocks, 1):
            name = re.match(r"# (\S+\.yaml)\n", block)
            yield pytest.param(name[1] if name else "pipeline.yaml", block, said, id=f"{page.name}-{n}")


@pytest.mark.parametrize("name, text, said", examples())
def test_example(binary, work, name, text, said):
    (work / name).write_text(text)
    paths = ["--agent-config", name] if name == "agent.yaml" else [name]
    done = subprocess.run([binary, "check", *paths], capture_output=True, text=True, timeout=10, check=False, cwd=work,
                          env={"PATH": os.environ["PATH"], "TEAM": "payments"})
    assert done.stderr == said
    is_wrong = [line for line in said.splitlines() if ": warning: " not in line]
    assert done.returncode == (1 if is_wrong else 0)


def test_page_has_examples():
    assert len(re.findall(r"^```yaml$", PAGES[0].read_text(), re.M)) >= 7


def test_dump_of_every_right_example_says_the_same(binary, work):
    """What --dump prints is a configuration, and its own dump is the same."""
    for parameters in examples():
        name, text, said = parameters.values
        if name == "agent.yaml" or any(": warning: " not in line for line in said.splitlines()):
            continue
        (work / name).write_text(text)
        env = {"PATH": os.environ["PATH"], "TEAM": "payments"}
        once = subprocess.run([binary, "check", "--dump", name], capture_output=True, text=True, timeout=10, check=True,
                              cwd=work, env=env).stdout
        (work / name).write_text(once)
        twice = subprocess.run([binary, "check", "--dump", name], capture_output=True, text=True, timeout=10,
                               check=True, cwd=work, env=env).stdout
        assert twice == once
