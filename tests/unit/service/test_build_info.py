from __future__ import annotations

from pathlib import Path

import pytest

from service import build_info
from service.build_info import commit

ONE, OTHER = "1" * 40, "2" * 40


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout whose branch is at one commit."""
    git = tmp_path / ".git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "refs/heads/main").write_text(f"{ONE}\n")
    return tmp_path


def test_the_commit_of_a_branch(root: Path) -> None:
    assert commit(root) == ONE


def test_the_commit_of_a_branch_that_is_packed(root: Path) -> None:
    (root / ".git/refs/heads/main").unlink()
    (root / ".git/packed-refs").write_text(
        f"# pack-refs with: peeled\n{OTHER} refs/heads/mainly\n{ONE} refs/heads/main\n"
    )
    assert commit(root) == ONE


def test_the_commit_of_no_branch(root: Path) -> None:
    (root / ".git/HEAD").write_text(OTHER)
    assert commit(root) == OTHER


def test_the_commit_of_a_further_worktree(root: Path, tmp_path: Path) -> None:
    own = root / ".git/worktrees/second"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/main")
    (own / "commondir").write_text("../..")
    second = tmp_path / "second"
    second.mkdir()
    (second / ".git").write_text(f"gitdir: {own}")
    assert commit(second) == ONE


def test_where_nobody_knows_the_commit_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Installed:
        text: str | None = None

        def read_text(self, _: str) -> str | None:
            return self.text

    installed = Installed()
    monkeypatch.setattr(build_info, "distribution", lambda _: installed)
    assert commit(tmp_path) is None
    installed.text = '{"url": "https://example.org/x", "vcs_info": {"vcs": "git", "commit_id": "' + ONE + '"}}'
    assert commit(tmp_path) == ONE
    installed.text = '{"url": "file:///x", "dir_info": {"editable": true}}'
    assert commit(tmp_path) is None
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/HEAD").write_text("ref: refs/heads/none")
    assert commit(tmp_path) is None
