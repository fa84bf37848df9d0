"""Sources of notebooks, and what is made of them before anything is executed."""

import nbformat
import pytest

from notebooks import build

SOURCE = '''# %% [markdown] lang="en"
# # 1. A title
# One sentence, see [2](02_b.ipynb) and [notes](../docs/performance.md).
# %% [markdown] lang="zh-CN"
# # 1. 标题
# 一句话，见 [2](02_b.ipynb) 和[笔记](../docs/performance.md)。
# %%
x = 1
print(x)
# %% tags=["check"]
# @title Check: it is one
assert x == 1
'''


@pytest.fixture
def written(tmp_path, monkeypatch):
    """written(text) -> the path of a source with this text, among two."""
    monkeypatch.setattr(build, "sources", lambda: sorted(tmp_path.glob("*.py")))
    (tmp_path / "02_b.py").write_text(SOURCE)

    def written(text=SOURCE):
        path = tmp_path / "01_a.py"
        path.write_text(text, encoding="utf-8")
        return path

    return written


def test_both_languages_have_the_same_code_in_the_same_order(written):
    english, chinese = (build.notebook(written(), language) for language in build.LANGUAGES)
    code = [[(c.id, c.source) for c in made.cells if c.cell_type == "code"] for made in (english, chinese)]
    assert code[0] == code[1] and len(code[0]) == 3
    prose = [[c.source for c in made.cells if c.cell_type == "markdown"][1:] for made in (english, chinese)]
    assert prose[0][0].startswith("# 1. A title") and prose[1][0].startswith("# 1. 标题")
    for made in (english, chinese):
        nbformat.validate(made)


def test_equal_sources_make_equal_notebooks(written):
    assert build.notebook(written(), "en") == build.notebook(written(), "en")


def test_links_lead_to_the_same_files_from_the_folder_below(written):
    text = build.notebook(written(), "zh-CN").cells[2].source
    assert "(02_b.ipynb)" in text and "(../../docs/performance.md)" in text


def test_checks_are_folded_and_stop_no_reader(written):
    cell = build.notebook(written(), "en").cells[-1]
    assert cell.metadata["jupyter"]["source_hidden"] and cell.metadata["cellView"] == "form"
    assert cell.metadata["tags"] == ["check", "raises-exception", "hide-input"]


@pytest.mark.parametrize(
    ("says", "instead", "complaint"),
    [
        ('# %% [markdown] lang="zh-CN"\n', "", "lacks|missing"),
        ('lang="zh-CN"', 'lang="zh"', 'not marked lang="zh-CN"'),
        ("# # 1. 标题", "# ## 1. 标题", "blocks"),
        ('tags=["check"]', 'tags=["chek"]', "the tag 'chek'"),
        ("# @title Check: it is one\n", "", "does not begin with"),
        ("One sentence", "One \tilde x", r"control character '\\t'"),
    ],
)
def test_what_is_wrong_in_a_source_is_said(written, says, instead, complaint):
    assert SOURCE.count(says) == 1
    with pytest.raises(build.SourceError, match=complaint):
        build.read(written(SOURCE.replace(says, instead)))


def test_outputs_are_kept_for_the_same_code_only(written):
    made, executed = build.notebook(written(), "zh-CN"), build.notebook(written(), "en")
    executed.cells[3].outputs = [nbformat.v4.new_output("stream", name="stdout", text="1\n")]
    assert build.with_outputs(made, executed).cells[3].outputs == executed.cells[3].outputs
    with pytest.raises(build.SourceError, match="execute it anew"):
        build.with_outputs(build.notebook(written(SOURCE.replace("x = 1", "x = 2")), "en"), executed)


def test_a_name_that_begins_no_source_is_refused(written):
    written()
    assert [path.stem for path in build.chosen(["01", "source/02_b.py"])] == ["01_a", "02_b"]
    with pytest.raises(build.SourceError, match="'03'"):
        build.chosen(["03"])


@pytest.mark.slow
def test_a_cell_that_fails_stops_the_execution(written):
    from nbclient.exceptions import CellExecutionError

    with pytest.raises(CellExecutionError, match="AssertionError"):
        build.execute(build.notebook(written(SOURCE.replace("assert x == 1", "assert x == 2")), "en"))
