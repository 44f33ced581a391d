"""check_examples.py BINARY FILE.md: holds the examples of a page against the program.

Code blocks are looked at by the words behind their fence:

    ```yaml rules [NAME]     must pass `check --rules`; a part of a file gets a `ruleset` to stand alone
    ```yaml tests [NAME]     must pass `test`
    ```json file NAME        is only put down, for later blocks
    ```console run           each `$ ` command must print, in the same folder, what stands below it

Blocks with a NAME are files of one folder, which later blocks may use; one of the same name replaces the former. What does not
hold is printed with its line, and the exit status is 1. Commands that need a program which is not installed are left out.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

FENCE = re.compile(r"^```(\w+) (rules|tests|file|run)(?: ([\w.]+))?$")


def blocks_of(page):
    """Each marked block as (line, kind, name, text)."""
    block = None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        match = FENCE.match(line)
        if block is None and match:
            block = (number, match[2], match[3], [])
        elif block is not None and line == "```":
            yield block[0], block[1], block[2], "\n".join(block[3]) + "\n"
            block = None
        elif block is not None:
            block[3].append(line)
    if block is not None:
        raise SystemExit(f"{page}:{block[0]}: this block has no end")


class Examples:
    def __init__(self, page, binary, folder):
        self.page, self.folder, self.failures = page, folder, 0
        self.environment = {"PATH": f"{binary.parent}:{os.environ['PATH']}", "NO_COLOR": "1"}

    def fail(self, line, what, text):
        self.failures += 1
        print(f"{self.page}:{line}: {what}:\n{text}")

    def shell(self, command):
        done = subprocess.run(["sh", "-c", command], cwd=self.folder, env=self.environment, timeout=60, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def write(self, name, text):
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def must_pass(self, line, command):
        status, output = self.shell(command)
        if status != 0:
            self.fail(line, f"`{command}` gives exit status {status}", output)

    def rules(self, line, name, text):
        if not re.search(r"^ruleset:", text, re.MULTILINE):
            text = 'ruleset: "example"\n' + text
        self.must_pass(line, f"bellwether check --rules {self.write(name or 'rules.yaml', text)}")

    def tests(self, line, name, text):
        self.must_pass(line, f"bellwether test {self.write(name or 'rules_test.yaml', text)}")

    def file(self, _, name, text):
        self.write(name, text)

    def run(self, line, _, text):
        for session in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, expected = session.partition("\n")
            if "| jq " in command and shutil.which("jq") is None:
                continue
            _, output = self.shell(command)
            if output.strip() != expected.strip():
                self.fail(line, f"`{command}` prints something else", output)


def main():
    binary, page = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        examples = Examples(page, binary, pathlib.Path(folder))
        for line, kind, name, text in blocks_of(page):
            getattr(examples, kind)(line, name, text)
            count += 1
    print(f"{count} examples, {examples.failures} failures")
    return 1 if examples.failures > 0 or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
