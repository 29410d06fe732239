"""The command line: `felif list | run | convergence | sweep | explore | view`.

The options of a study become options of the command: names, types and defaults from the signature of its main, help
from its docstring. Nothing heavy is imported before a study is. Errors are one line, exit code 2; Ctrl-C is code 130.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Group, Parameter

from .. import __version__
from ..explore.command import explore
from .copying import copy
from .finding import places, studies
from .report import one_line, print_json, relative, run_dict, run_text, sweep_text
from .study import Study, load
from .viewing import view

HELP = """Finite elements for the partial differential equations of integrate-and-fire neural networks.

felif list                                the studies there are
felif copy STUDY                          a study into ./studies, to change it there
felif run STUDY --b 2                     numbers, a figure, files for ParaView
felif run STUDY --help                    the options of a study
felif convergence STUDY --cells 4,8,16    errors and observed orders
felif sweep STUDY --b 0:3:31 --a0 0.5,1   a grid of runs in parallel
felif explore [MODEL]                     sliders in a browser
felif view FOLDER --screenshot n.png      a surface, in a window or as a picture

STUDY is the name of a file in ./studies, of a study that comes with felif, or the path of one."""

Out = Annotated[Path | None, Parameter(help="Folder to write into [default: results/STUDY in the current directory].")]
Json = Annotated[bool, Parameter(help="Print JSON for other programs instead of text.", negative=())]
Overwrite = Annotated[
    bool, Parameter(help="Replace what felif wrote into the folder before; it never touches other files.", negative=())
]
KEYWORD = inspect.Parameter.KEYWORD_ONLY


def run(arguments: Sequence[str] | None = None) -> int:
    """Entry point: run a command line, return the exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _dispatch(arguments)
        sys.stdout.flush()
        return 0
    except KeyboardInterrupt as error:
        print(" ".join(["felif: interrupted.", *getattr(error, "__notes__", ())]), file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has left, as in `felif list | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        print(f"felif: {one_line(error)}", file=sys.stderr)
        return 2


def _version() -> str:
    """The version, and which core makes the steps of runs."""
    from ..algebra.compiled import describe

    return f"{__version__}, core: {describe()}"


def _dispatch(arguments: list[str]) -> None:
    command, *rest = arguments or [""]
    if command not in COMMANDS or rest[:1] in (["--help"], ["-h"]):
        app, tokens = _app(), arguments
    elif not rest or rest[0].startswith("-"):
        raise ValueError(f"felif {command} STUDY --option value: the study comes first; `felif list` shows them.")
    else:
        app, tokens = _study_app(command, load(rest[0])), list(map(_dashed, rest[1:]))
    app(tokens, exit_on_error=False, print_error=False, result_action="return_value")


def _app() -> App:
    """The command line without a study."""
    app = App(name="felif", help=HELP, help_format="plaintext", version=_version)
    for name, command in {"list": _list, "copy": copy, "explore": explore, "view": view}.items():
        app.command(command, name=name)
    study = Annotated[
        str, Parameter(help="Name of a study in ./studies or of one that comes with felif, or the path of one.")
    ]
    for name, command in COMMANDS.items():
        first = inspect.Parameter("study", inspect.Parameter.POSITIONAL_ONLY, annotation=study)
        help = f"{inspect.getdoc(command)}\n\n`felif {name} STUDY --help` shows the options of a study as well."
        app.command(_with_signature(command, [first, *_own(command)]), name=name, help=help)
    return app


def _study_app(command: str, study: Study) -> App:
    """The command line of one study: its options, then those of the command."""
    function = COMMANDS[command]

    def call(**values: Any) -> Any:
        given = {option.name: values.pop(option.name) for option in study.options if option.name in values}
        return function(study, given, **values)

    call.__doc__ = inspect.getdoc(study.main)
    parameters = [*_options(study, as_text=command != "run"), *_own(function, f"Options of felif {command}")]
    app = App(
        name=f"felif {command} {study.name}",
        help=study.text,
        help_format="plaintext",
        version_flags=[],
        default_parameter=Parameter(name_transform=_hyphens, negative_iterable=(), negative_none=()),
        suppress_keyboard_interrupt=False,
    )
    app.default(_with_signature(call, parameters))
    app["--help"].group = Group(f"Options of felif {command}", sort_key=1)
    return app


def _options(study: Study, as_text: bool) -> list[inspect.Parameter]:
    """The options of a study; `as_text`: as 0:3:31 or 4,8,16, which is for `_axis` to read."""
    group = Group(f"Options of {study.name}", sort_key=0)
    parameters = []
    for option in study.options:
        kind, default = option.type, option.default
        if as_text:
            kind, default = str, None if default is None else str(default)
        converter = _whole(kind != int) if kind in (int, int | None) else None  # noqa: E721
        converter = _several if kind == tuple[float, ...] else converter
        kind = Annotated[kind, Parameter(group=group, allow_leading_hyphen=as_text, converter=converter)]
        parameters.append(inspect.Parameter(option.name, KEYWORD, default=default, annotation=kind))
    return parameters


def _whole(optional: bool) -> Callable[[Any, Sequence[Any]], int | None]:
    """Converter to whole numbers: cyclopts by itself rounds 2.5 to 2 without a word."""

    def convert(_: Any, tokens: Sequence[Any]) -> int | None:
        text = tokens[0].value
        if optional and text.lower() == "none":
            return None
        try:
            return int(text)
        except ValueError:
            raise ValueError(f'"{text}" is no whole number.') from None

    return convert


def _several(_: Any, tokens: Sequence[Any]) -> tuple[float, ...]:
    """Numbers with commas between them, as `felif convergence` takes them, or of an option that is given repeatedly."""
    texts = [text for token in tokens for text in token.value.split(",")]
    try:
        return tuple(map(float, texts))
    except ValueError:
        raise ValueError(f'"{",".join(texts)}" is no list of numbers; allowed is such as 0.5,1,2.') from None


def _own(command: Callable[..., Any], title: str = "Options") -> list[inspect.Parameter]:
    """The options of a command itself: all but its first two parameters, the study and what is given for it."""
    group = Group(title, sort_key=1)
    parameters = list(inspect.signature(command, eval_str=True).parameters.values())[2:]
    return [
        p.replace(annotation=Annotated[p.annotation, Parameter(group=group, show_default=False)]) for p in parameters
    ]


def _with_signature(function: Callable[..., Any], parameters: list[inspect.Parameter]) -> Callable[..., Any]:
    def call(*args: Any, **values: Any) -> Any:
        return function(*args, **values)

    call.__doc__ = function.__doc__
    call.__signature__ = inspect.Signature(parameters)
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call


def _axis(study: Study, name: str, text: str) -> list[Any]:
    """Values of an option given as 0:3:31, a list or one value, each converted as `felif run` does."""
    from .grid import axis

    app = App(default_parameter=Parameter(name_transform=_hyphens))
    app.default(_with_signature(lambda **values: values[name], _options(study, as_text=False)))

    def convert(part: str) -> Any:
        tokens = [f"--{_hyphens(name)}={part}"]
        try:
            return app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
        except CycloptsError as error:
            raise ValueError(f"{error} Give start:stop:count, a list a,b,c or one value.") from None

    return axis(text, convert)


def _hyphens(name: str) -> str:
    return name.replace("_", "-")  # and no change of case: b_EE is --b-EE


def _dashed(token: str) -> str:
    """--t_end, as Python users write it, for --t-end."""
    name, equals, value = token.partition("=")
    return _hyphens(name) + equals + value if name.startswith("--") else token


def _folder(out: Path | None, resume: Path | None, name: str) -> Path:
    if out is not None and resume is not None and out != resume:
        raise ValueError(f"--out {out} and --resume {resume}: one folder at a time.")
    return resume or out or Path("results") / name


def _list(where: Path | None = None, /, *, json: Json = False) -> None:
    """Studies in ./studies and those that come with felif, and where they are.

    Parameters
    ----------
    where
        The folder to look in instead.
    """
    found, looked = studies(where), [str(place.resolve()) for place in places(where)]
    if json:
        rows = [{"name": name, "path": str(path), "question": text} for name, (path, text) in found.items()]
        print_json({"looked_in": looked, "studies": rows})
        return
    width = max(map(len, found), default=0)
    for name, (_, text) in found.items():
        print(f"{name:{width}}  {text}")
    print(f"{'Looked' if found else 'No studies. Looked'} in {' and '.join(looked)}.")


def _run(
    study: Study,
    given: dict[str, Any],
    *,
    out: Out = None,
    resume: Annotated[Path | None, Parameter(help="Go on with the unfinished run in this folder.")] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Run a study: numbers, run folders, a figure."""
    from .running import run

    folder = _folder(out, resume, study.name)
    try:
        with redirect_stdout(sys.stderr) if json else nullcontext():
            report = run(study, given, folder, resume=resume is not None, overwrite=overwrite)
    except KeyboardInterrupt as error:
        error.add_note(f"Go on with: felif run {relative(study.path)} --resume {relative(folder)}")
        raise
    if json:
        print_json(run_dict(report))
    else:
        print(run_text(report))


def _convergence(
    study: Study,
    given: dict[str, str],
    *,
    result: Annotated[str | None, Parameter(help="The result to look at [default: the study's own choice].")] = None,
    json: Json = False,
) -> None:
    """Refine one option (--cells 4,8,16) and print errors and observed orders."""
    from .convergence import convergence

    values = {name: _axis(study, name, text) for name, text in given.items()}
    refined = [name for name in values if len(values[name]) > 1]
    if len(refined) > 1:
        raise ValueError(
            f"Only one option is refined at a time, not {' and '.join(refined)}; `felif sweep` takes several."
        )
    option = refined[0] if refined else None
    fixed = {name: value[0] for name, value in values.items() if name != option}
    with redirect_stdout(sys.stderr):
        table = convergence(study, option, values[option] if option else None, result, fixed=fixed)
    if json:
        print_json({**vars(table), "rows": [vars(row) for row in table.rows]})
    else:
        print(table)


def _sweep(
    study: Study,
    given: dict[str, str],
    *,
    out: Annotated[Path | None, Parameter(help="Folder to write into [default: results/STUDY-sweep].")] = None,
    resume: Annotated[Path | None, Parameter(help="Go on with the sweep in this folder; give no values then.")] = None,
    executor: Annotated[
        str | None,
        Parameter(help="N processes, dask://HOST:PORT, dask, or mpi [default: a process for every processor]."),
    ] = None,
    shard: Annotated[
        str, Parameter(help="i/n: compute only every n-th point, from the i-th on; for job arrays.")
    ] = "1/1",
    retry: Annotated[bool, Parameter(help="Compute failed points again.", negative=())] = False,
    folders: Annotated[
        bool, Parameter(help="Write a folder with arrays and Runs for every point.", negative=())
    ] = False,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Run a grid of options (--b 0:3:31 --a0 0.5,1) in parallel; given again, it goes on where it was stopped."""
    from .sweep import sweep
    from .sweep_folder import read_sweep

    folder = _folder(out, resume, f"{study.name}-sweep")
    values = {name: _axis(study, name, text) for name, text in given.items()}
    grid = {name: value for name, value in values.items() if len(value) > 1}
    fixed = {name: value[0] for name, value in values.items() if name not in grid}
    if resume is not None:
        stored = read_sweep(folder)
        grid, fixed = grid or stored["grid"], fixed or stored["fixed"]
    i, slash, n = shard.partition("/")
    if not (i.isdecimal() and slash and n.isdecimal()):
        raise ValueError(f"--shard {shard}: i/n means part i of n, as in --shard 1/4.")
    settings = {"executor": executor, "retry": retry, "folders": folders, "overwrite": overwrite}
    try:
        with redirect_stdout(sys.stderr):
            table = sweep(study, grid, folder, fixed=fixed, shard=(int(i), int(n)), **settings)
    except KeyboardInterrupt as error:
        error.add_note(
            f"What is finished is kept. Go on with: felif sweep {relative(study.path)} --resume {relative(folder)}"
        )
        raise
    if json:
        print_json({"study": study.name, "folder": str(folder), "counts": table.counts, "points": table.rows})
    else:
        print(sweep_text(table))
    if not table.counts["ok"]:
        raise ValueError(f"no point of the sweep gave a result; the messages are in {relative(folder / 'sweep.csv')}.")
    if crashed := table.counts["crashed"]:
        raise ValueError(
            f"{crashed} of {table.size} points crashed, all of their processes ended; the messages are in "
            f"{relative(folder / 'sweep.csv')}. Tried again with: felif sweep {relative(study.path)} --resume "
            f"{relative(folder)}"
        )


COMMANDS: dict[str, Callable[..., Any]] = {"run": _run, "convergence": _convergence, "sweep": _sweep}
