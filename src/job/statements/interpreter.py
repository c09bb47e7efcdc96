"""What runs inside the interpreter of a session: each statement once, in its order, and what is known of how it ended.

Livy's answers prove nothing: a failure can read as a success there, and an answer can belong to another statement. So
each statement is handed to `run`, which writes down how it ended, and a `check` says what was written down. Nothing
that leaves here is long or out of bounds, because Livy never recovers from an answer that is too long for it.

Only what Python 2.7 can at least parse stands here, so that it can say what is wrong with it. Standard library only.
"""
import ast
import codecs
import datetime
import decimal
import fcntl
import io
import json
import linecache
import os
import sys
import tempfile
import threading
import time
import traceback

if sys.version_info < (3, 6):
    raise RuntimeError("statements need Python 3.6 or newer, and the interpreter is Python " + sys.version.split()[0])

from _thread import start_new_thread  # Python 2 does not have it

TEXT = 16384  # bytes that are kept of what a statement prints, and of a traceback: the last ones
TEXTS = 262144  # bytes of all that is printed: no output of a task holds more
NAMELESS = 4096  # bytes that a cut takes along at most: up to the end of its line
WORDS = 4096  # characters of an exception's message: the first ones
RESULT = 200000  # bytes of a result
DEPTH = 100  # lists and dicts inside each other: readers of JSON stop at some depth
FILE = 64 << 20  # bytes of what subprocesses print that lie on the disk; some of what comes just then is lost
PAUSE = 1  # seconds from look to look at that

AS_TEXT = (datetime.date, datetime.time, decimal.Decimal)  # what becomes a text in a result

# What Spark 3.3 and newer need in the driver, and Livy 0.8 does not import.
IMPORTS = ("org.apache.spark.ml.python.*", "org.apache.spark.resource.*", "org.apache.spark.sql.api.python.*")


class Refused(Exception):
    """It is not the next statement. Nothing of it runs."""


class TooLarge(Exception):
    """A result that does not fit; the argument is its size in bytes."""


class Printed(io.TextIOBase):
    """Stands in for standard output and standard error, and keeps the end of what is written.

    There is one for the whole session: what a statement sets up, such as a logger, goes on writing to it. What is written
    to file descriptor 1, by subprocesses and by libraries in C, comes through a file without a name. A pipe would not
    do: who reads it needs Python's lock, and a library that prints may hold that lock. The file is kept small while
    Python lives, and it ends with the last process that has it open, so with the application.
    """

    encoding, errors = "utf-8", "backslashreplace"

    def __init__(self):
        self.text, self.cut = "", False
        self.file, self.read = unnamed(), 0
        self.inode = inode(self.file)
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.lock = threading.RLock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.forked)
        # Not one of `threading`'s: a statement may wait for all of those to end.
        start_new_thread(self.bound, (time.sleep,))

    def forked(self):
        # Another thread may hold the lock while this one forks, and the child has no such thread.
        self.lock, self.file = threading.RLock(), None

    def bound(self, sleep):
        """Keeps the file small while nothing of Python's is printed."""
        while True:
            sleep(PAUSE)
            with self.lock:
                self.drain()

    def drain(self):
        """Takes over what has come into the file. The lock is held."""
        if self.file is not None and inode(self.file) != self.inode:
            self.file = None  # a statement has closed it, and may have a file of its own there
        if self.file is None:
            return
        size = os.fstat(self.file).st_size
        if size < self.read:  # somebody has cut it off
            self.read, self.cut = 0, True
        begin = max(self.read, size - TEXT)
        if begin > self.read:
            self.text, self.cut = "", True
            self.decoder.reset()
        if begin < size:
            self.add(self.decoder.decode(os.pread(self.file, size - begin, begin)))
        self.read = size
        if size > FILE:
            os.ftruncate(self.file, 0)
            self.read = 0

    def add(self, text):
        self.text += text
        if len(self.text) > 2 * TEXT:
            self.text, self.cut = self.text[-TEXT:], True

    def writable(self):
        return True

    def write(self, text):
        if isinstance(text, bytes):  # Livy's own takes them, too
            text = text.decode("utf-8", "replace")
        with self.lock:
            self.drain()
            self.add(text)
        return len(text)

    def close(self):
        """A statement may close standard output; the next one has it all the same."""

    def take(self):
        with self.lock:
            self.drain()
            whole, was_cut, self.text, self.cut = self.text, self.cut, "", False
        return end_of(whole, TEXT, was_cut)


class Apart(object):
    """Keeps file descriptors 0 and 1, where Livy writes questions and reads answers, from a statement.

    Livy takes every line for the answer to the next question, so what a subprocess prints must not come there; and one
    that reads its standard input would wait for Livy, or take a question away. What a process that is left behind prints
    later belongs to the statement that runs by then.
    """

    def __init__(self, printed):
        self.printed = printed

    def __enter__(self):
        nothing = os.open(os.devnull, os.O_RDWR)
        self.process, self.livys = os.getpid(), [os.dup(0), os.dup(1)]
        os.dup2(nothing, 0)
        os.dup2(nothing if self.printed.file is None else self.printed.file, 1)
        os.close(nothing)

    def __exit__(self, kind, error, trace):
        if os.getpid() != self.process:
            end_fork(error)
        for flush in (lambda: sys.__stdout__.flush(), flush_c):
            try:
                flush()
            except Exception:
                pass  # closed, or not there: then nothing waits in it
        for descriptor, livys in enumerate(self.livys):
            os.dup2(livys, descriptor)
            os.close(livys)


def unnamed():
    """A file without a name, open to append; where there is no room for one, what comes there is lost."""
    try:
        with tempfile.TemporaryFile() as file:
            made = os.dup(file.fileno())
    except OSError:
        made = os.open(os.devnull, os.O_RDWR)
    fcntl.fcntl(made, fcntl.F_SETFL, fcntl.fcntl(made, fcntl.F_GETFL) | os.O_APPEND)
    return made


def inode(descriptor):
    """Which file it is; None where it is closed."""
    try:
        known = os.fstat(descriptor)
    except OSError:
        return None
    return known.st_dev, known.st_ino


def flush_c():
    """Writes what printf has kept. Later it would come to Livy. Other files of C's are not waited for."""
    import ctypes
    c = ctypes.CDLL(None)
    c.fflush(ctypes.c_void_p.in_dll(c, "stdout"))


def end_fork(error):
    """Ends a process that a statement has forked where the statement ends: two would answer Livy from then on."""
    code = 0 if error is None else 1
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    os._exit(code)


class Session(object):
    """The statements of one task, in the namespace that they share."""

    def __init__(self, space, task, variables):
        self.space, self.task = space, task
        self.last, self.ends = 0, {}
        self.printed = Printed()
        space["variables"] = json.loads(variables)

    def run(self, task, number, kind, code):
        name = "<statement %d>" % number
        self.perform(task, number, name, kind, lambda: {"sql": self.sql, "pyspark": self.python}[kind](name, code))

    def result(self, task, number, name):
        self.perform(task, number, "<result>", "result", lambda: self.dump(name))

    def perform(self, task, number, name, kind, act):
        if task != self.task or number != self.last + 1:
            known = (number, task, self.last + 1, self.task)
            raise Refused("statement %s of task %s does not run: the next one is %s of task %s" % known)
        self.last, began = number, time.monotonic()
        out, err = sys.stdout, sys.stderr
        sys.stdout = sys.stderr = self.printed
        try:
            with Apart(self.printed):
                end = {"status": "ok", "result": act()}
        except TooLarge as error:
            end = {"status": "too large", "bytes": error.args[0]}
        except BaseException as error:  # sys.exit() ends a statement, not the session
            end = failure(error, name)
        finally:
            sys.stdout, sys.stderr = out, err
        text, cut = self.printed.take()
        seconds = round(time.monotonic() - began, 3)
        self.ends[number] = dict(end, kind=kind, seconds=seconds, text=text, cut=cut)
        # For those who look at the statement in Livy. Nothing is read from there.
        out.write(text + end.get("traceback", ""))

    def python(self, name, code):
        tree = ast.parse(code, name)
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            # As at a prompt: the value of the last line is printed.
            last = tree.body[-1]
            shown = ast.Assign([ast.Name("_sjw_shown", ast.Store())], last.value)
            tree.body[-1] = ast.copy_location(shown, last)
        # All is compiled before anything runs: a statement with an error in its last line does nothing.
        whole = compile(ast.fix_missing_locations(tree), name, "exec", 0, True)
        linecache.cache[name] = (len(code), None, code.splitlines(True), name)
        exec(whole, self.space)
        sys.displayhook(self.space.pop("_sjw_shown", None))

    def sql(self, _, code):
        frame = self.space["spark"].sql(code)
        if frame.columns:
            frame.show(20, False)

    def dump(self, name):
        if name not in self.space:
            raise NameError("name '%s' is not defined" % name)
        value = plain(self.space[name], name, 0)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(text.encode("utf-8"))
        if size > RESULT:
            raise TooLarge(size)
        return text

    def check(self, task, asked, whole):
        """What is known of a statement; with `whole`, also what all of them printed and how long they took."""
        known = ("status", "result", "bytes", "ename", "evalue", "traceback")
        end = self.ends.get(asked, {})
        end = {key: end[key] for key in known if end.get(key) is not None}
        view = {"sjw": self.task, "for": task, "asked": asked, "last": self.last, "end": end or None}
        if whole:
            view["statements"] = self.texts()
        return view

    def texts(self):
        room, found = TEXTS, []
        for number in sorted(self.ends, reverse=True):
            end = self.ends[number]
            if end["kind"] != "result":
                text, cut = end_of(end["text"], room)
                room -= len(text.encode("utf-8"))
                found.append({"kind": end["kind"], "seconds": end["seconds"], "text": text, "cut": cut or end["cut"]})
        return found[::-1]


def failure(error, name):
    """What is told of an exception. The frames begin with the statement's own."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != name:
        trace = trace.tb_next
    words, lines = "", []
    try:
        words = str(error)
        lines = traceback.format_exception(type(error), error, trace)
    except Exception:
        pass  # an exception that cannot be shown
    words = words[:WORDS].encode("utf-8", "backslashreplace").decode("utf-8")
    return {"status": "failed", "ename": type(error).__name__, "evalue": words, "traceback": end_of("".join(lines), TEXT)[0]}


def end_of(text, limit, cut=False):
    """The end of a text within so many bytes, and whether that is not all; `cut`: its beginning is gone already. Half a
    surrogate pair, with which Livy cannot answer, becomes an escape."""
    data = text.encode("utf-8", "backslashreplace")
    if len(data) > limit:
        data, cut = data[len(data) - limit:], True
    if cut:
        # It can begin with a secret whose name is gone, by which it would be known and hidden.
        data = data[data.find(b"\n", 0, NAMELESS) + 1 or NAMELESS:]
    return data.decode("utf-8", "ignore"), cut


def plain(value, path, depth):
    """A value as JSON has it. Nothing is guessed: what JSON has no form for is an error that says where it is."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if value - value != 0:
            raise ValueError("%s is %r, which JSON does not have" % (path, value))
        return value
    if isinstance(value, AS_TEXT):
        return str(value) if isinstance(value, decimal.Decimal) else value.isoformat()
    if depth == DEPTH:
        raise ValueError("%s... holds itself, or is nested more than %d deep" % (path[:64], DEPTH))
    if isinstance(value, tuple) and hasattr(value, "__fields__"):  # a Row of Spark
        pairs = zip(value.__fields__, value)
    elif isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, (list, tuple)):
        return [plain(item, "%s[%d]" % (path, at), depth + 1) for at, item in enumerate(value)]
    else:
        raise TypeError("%s is a %s, which has no form in JSON" % (path, type(value).__name__))
    found = {}
    for key, item in pairs:
        if isinstance(key, bool) or not isinstance(key, (str, int) + AS_TEXT):
            raise TypeError("%s has a %s as a key, which is no text" % (path, type(key).__name__))
        text = key if isinstance(key, str) else str(plain(key, path, depth))
        if text in found:
            raise ValueError("%s has the key '%s' twice" % (path, text))
        found[text] = plain(item, "%s['%s']" % (path, text), depth + 1)
    return found


def begin(space, task, variables):
    """The session's statements can begin."""
    try:
        from py4j.java_gateway import java_import
        for name in IMPORTS:
            java_import(space["sc"]._gateway.jvm, name)
    except Exception:
        pass  # what is missing then is missed by the statement that needs it, and named there
    return Session(space, task, variables)
