"""Has debugpy listen in a Python process on an address of nhctl's, unless the process only starts others."""

import os
import sys


def chain():
    """Runs the sitecustomize that this one stands before."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [p for p in sys.path if os.path.abspath(p or ".") != here]
    from importlib.machinery import PathFinder
    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        from importlib.util import module_from_spec
        spec.loader.exec_module(module_from_spec(spec))


# Programs that start others, or prepare for them.
LAUNCHERS = {
    "alembic", "ensurepip", "granian", "hatch", "honcho", "hypercorn", "pdm", "pip", "pip3", "pipenv", "poetry", "py_compile", "compileall",
    "rye", "sanic", "supervisord", "tox", "venv", "virtualenv", "watchfiles", "watchmedo",
}
# Servers whose workers are processes: one of them is enough to debug, and gets every request.
ONE_WORKER = {"gunicorn", "uvicorn"}
# What is in the text after -c of a program: a process of multiprocessing's, or a function that `poetry run` and `pdm run` name as a script.
PROGRAMS = ("multiprocessing.spawn", "sys.exit(")
# What Django's manage.py does before the service starts.
PREPARING = {"check", "collectstatic", "compilemessages", "loaddata", "makemigrations", "migrate"}


def command_line():
    with open("/proc/self/cmdline", "rb") as f:
        return [os.fsdecode(w) for w in f.read().split(b"\0")[:-1]]


def program(argv):
    """The name of the program (a module's, or a script's without its ending), its path, and its arguments."""
    at = 1
    while at < len(argv) and argv[at].startswith("-") and argv[at] not in ("-", "-c", "-m"):
        at += 2 if argv[at] in ("-X", "-W") else 1
    if at >= len(argv) or argv[at] == "-":
        return "", "", []
    if argv[at] == "-c":
        return "-c", "", argv[at + 1:]
    if argv[at] == "-m":
        module = argv[at + 1] if at + 1 < len(argv) else ""
        return module.split(".")[0], "", argv[at + 2:]
    name = os.path.basename(argv[at])
    return (name[:-3] if name.endswith(".py") else name), argv[at], argv[at + 1:]


def reloads(name, path, args):
    """Whether a process only starts another, and starts that again when files change: True, False, or None where it shows later."""
    if os.environ.get("RUN_MAIN") == "true" or os.environ.get("WERKZEUG_RUN_MAIN") == "true":
        return False
    if name in ("manage", "django-admin", "django") and "runserver" in args:
        return "--noreload" not in args
    if name == "flask" and "run" in args and "--no-reload" not in args:
        return "--reload" in args or "--debug" in args or os.environ.get("FLASK_DEBUG", "0").lower() not in ("", "0", "false", "no")
    if name == "uvicorn":
        return "--reload" in args
    if name == "fastapi":
        return ("dev" in args and "--no-reload" not in args) or "--reload" in args
    if path and name != "gunicorn":
        import re
        try:
            with open(path, encoding="utf-8", errors="replace") as f:
                if re.search(r"\b(debug|reload|use_reloader)\s*=\s*(?!False)", f.read(1 << 20)):
                    return None
        except OSError:
            pass
    return False


def brought(tools="/.nhctl/run/tools"):
    """Folders with the debugpy that nhctl has brought, as a wheel or as what the container's pip has made of it."""
    folders = [os.path.join(tools, "python")]
    wheel = os.path.join(tools, "debugpy.whl")
    if os.path.exists(wheel):
        import tempfile
        import zipfile
        folder = os.path.join(os.environ["NHCTL_DEBUG_DIR"], "debugpy-wheel")
        if not os.path.isdir(folder):
            unpacked = tempfile.mkdtemp(dir=os.environ["NHCTL_DEBUG_DIR"])
            with zipfile.ZipFile(wheel) as z:
                z.extractall(unpacked)
            try:
                os.rename(unpacked, folder)
            except OSError:  # another process was quicker
                import shutil
                shutil.rmtree(unpacked, ignore_errors=True)
        folders.append(folder)
    return [f for f in folders if os.path.isdir(f)]


def listen():
    global listening
    if listening:
        return
    listening = True
    try:
        import debugpy
    except ImportError:
        sys.path += brought()
        try:
            import debugpy
        except ImportError:
            sys.stderr.write("nhctl: %s has no debugpy: install it with the service's packages (pip install debugpy)\n" % sys.executable)
            os._exit(1)
    debugpy.listen((os.environ["NHCTL_DEBUG_HOST"], 0))
    os.environ["NHCTL_DEBUGGED"] = "1"
    if os.environ.get("NHCTL_DEBUG_WAIT") == "1":
        debugpy.wait_for_client()


listening = False


def worked():
    """Seconds in which the main thread has run, or wanted to: on a busy computer it may have to wait for long. 0 where no one counts."""
    try:
        with open("/proc/self/schedstat") as f:
            return sum(int(n) for n in f.read().split()[:2]) / 1e9
    except OSError:
        return 0.0


def settle(cancelled):
    """Waits until the main thread has had nothing to do for a while, or has done a lot: by then it would have started others."""
    import time
    look, idle, much = 0.2, 3.0, 20.0
    before, since = worked(), 0.0
    while since < idle and time.process_time() < much and not cancelled.wait(look):
        now = worked()
        since, before = since + look if now - before < look / 20 else 0.0, now


def listen_unless_it_reloads():
    """Waits for the import that a process makes when it starts others."""
    import threading
    cancelled = threading.Event()

    def later():
        settle(cancelled)
        if not cancelled.is_set():
            listen()

    def imported(event, args):
        if event == "import" and args[0] in ("werkzeug._reloader", "multiprocessing.popen_spawn_posix"):
            cancelled.set()
    sys.addaudithook(imported)
    threading.Thread(target=later, daemon=True).start()


def start():
    argv = command_line()
    name, path, args = program(argv)
    if any("debugpy" in a or "pydevd" in a for a in argv[1:3]) or name in LAUNCHERS or name == "":
        return
    if name == "-c" and not any(text in " ".join(args[:1]) for text in PROGRAMS):
        return
    if name in ("manage", "django-admin", "django") and args[:1] and args[0] in PREPARING:
        return
    child_of_reloader = os.environ.get("RUN_MAIN") == "true" or os.environ.get("WERKZEUG_RUN_MAIN") == "true"
    if os.environ.get("NHCTL_DEBUGGED") and not child_of_reloader:
        return  # a program's own children are debugpy's
    if name in ONE_WORKER:
        sys.argv += ["--workers", "1"]
    if name == "gunicorn":
        os.register_at_fork(after_in_child=listen)
        return
    reloading = reloads(name, path, args)
    if reloading is None:
        listen_unless_it_reloads()
    elif not reloading:
        listen()


try:
    if sys.version_info >= (3, 8) and "NHCTL_DEBUG_HOST" in os.environ:
        start()
finally:
    chain()
