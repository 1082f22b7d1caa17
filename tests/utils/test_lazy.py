"""Names that a package loads when they are asked for."""

import sys

import pytest

from mne_eegmamba.utils.lazy import attach


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Give a package of two submodules, fresh in `sys.modules`."""
    home = tmp_path / "late_package"
    home.mkdir()
    (home / "__init__.py").write_text(
        "from mne_eegmamba.utils import lazy\n"
        "__getattr__, __dir__, __all__ = lazy.attach(\n"
        "    __name__, submodules=['whole'], submod_attrs={'part': ['first']}\n"
        ")\n"
    )
    (home / "whole.py").write_text("value = 3\n")
    (home / "part.py").write_text("first, hidden = 1, 4\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    import late_package

    yield late_package
    for name in set(sys.modules) - before:
        if name.startswith("late_package"):
            del sys.modules[name]


def test_nothing_is_loaded_before_it_is_asked_for(package):
    assert dir(package) == package.__all__ == ["first", "whole"]
    assert "late_package.part" not in sys.modules
    assert package.first == 1
    assert "late_package.part" in sys.modules
    assert "late_package.whole" not in sys.modules
    assert package.whole.value == 3


def test_a_name_is_looked_up_once(package):
    assert "first" not in vars(package)
    assert package.first == 1
    assert vars(package)["first"] == 1


@pytest.mark.parametrize("name", ["hidden", "nothing"])
def test_other_names_are_refused(package, name):
    with pytest.raises(
        AttributeError, match=f"'late_package' has no attribute '{name}'"
    ):
        getattr(package, name)


def test_lists_are_the_callers_own():
    _, names, listed = attach("late_package", ["a"])
    names().append("b")
    assert names() == listed == ["a"]
