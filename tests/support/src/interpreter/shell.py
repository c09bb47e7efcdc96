"""The Python half of a session: a line with code in, a line with its result out, over standard input and output.

It answers as Livy's own was seen to answer (0.8.0), its traps included. With a driver beside it (PYSPARK_GATEWAY_PORT)
it has a real Spark; without one it has as much as a test needs.
"""
import ast
import contextlib
import io
import json
import os
import sys
import traceback


def driver():
    from py4j.java_gateway import GatewayParameters, JavaGateway, java_import
    from pyspark.conf import SparkConf
    from pyspark.context import SparkContext
    from pyspark.sql import SparkSession

    gateway = JavaGateway(gateway_parameters=GatewayParameters(
        port=int(os.environ["PYSPARK_GATEWAY_PORT"]), auth_token=os.environ["PYSPARK_GATEWAY_SECRET"], auto_convert=True))
    # As 0.8.0 has it: what Spark 3.3 and newer need beside it is missing.
    for name in ("org.apache.spark.SparkConf", "org.apache.spark.api.java.*", "org.apache.spark.api.python.*",
                 "org.apache.spark.mllib.api.python.*", "org.apache.spark.sql.*", "org.apache.spark.sql.hive.*", "scala.Tuple2"):
        java_import(gateway.jvm, name)
    jsc = gateway.entry_point.sc()
    sc = SparkContext(jsc=jsc, gateway=gateway, conf=SparkConf(_jvm=gateway.jvm, _jconf=jsc.getConf()))
    return {"sc": sc, "spark": SparkSession(sc, gateway.entry_point.sparkSession())}


class Frame(object):
    def __init__(self, columns):
        self.columns = columns

    def show(self, rows, truncate):
        print("|%s|" % "|".join(self.columns))


class NoSpark(object):
    """A Spark that knows which queries have columns."""

    def __init__(self):
        self.asked = []

    def sql(self, text):
        self.asked.append(text)
        if "nosuch" in text:
            raise ValueError("[TABLE_OR_VIEW_NOT_FOUND] The table or view `nosuch` cannot be found.")
        return Frame(["a"] if text.startswith("select") else [])

    def setJobGroup(self, *_):
        pass


TYPES = {bool: "BOOLEAN_TYPE", int: "INT_TYPE", float: "DOUBLE_TYPE", str: "STRING_TYPE", type(None): "NULL_TYPE"}


def table(value):
    headers, data = {}, []
    for row in value if isinstance(value, (list, tuple)) else [value]:
        row = row.asDict() if hasattr(row, "asDict") else row
        cells = sorted(row.items()) if isinstance(row, dict) else enumerate(row if isinstance(row, (list, tuple)) else [row])
        data.append([])
        for name, cell in cells:
            headers.setdefault(name, {"name": str(name), "type": TYPES.get(type(cell), "STRING_TYPE")})
            data[-1].append(cell if type(cell) in TYPES else str(cell))
    return {"headers": [header for _, header in sorted(headers.items())], "data": data}


MAGICS = {"json": ("application/json", lambda value: value), "table": ("application/vnd.livy.table.v1+json", table)}


class UnknownMagic(Exception):
    pass


def failure(error, lines=None):
    return {"status": "error", "ename": type(error).__name__, "evalue": str(error), "traceback": lines or []}


def magic(line, space):
    name, _, rest = line[1:].partition(" ")
    if name not in MAGICS:
        raise UnknownMagic("unknown magic command '%s'" % name)
    mime, convert = MAGICS[name]
    if rest not in space:  # Livy reports this as a success with an error inside
        return {"msg_type": "execute_reply", "content": failure(KeyError(rest))}
    return {mime: convert(space[rest])}


def module(nodes):
    return ast.Module(nodes, []) if sys.version_info >= (3, 8) else ast.Module(nodes)


def run(code, space):
    """As in a notebook: what the last line is worth is printed."""
    tree = ast.parse(code, "<stdin>")
    for node in tree.body[:-1]:
        exec(compile(module([node]), "<stdin>", "exec"), space)
    for node in tree.body[-1:]:
        exec(compile(ast.Interactive([node]), "<stdin>", "single"), space)


def parts(code):
    """Lines that begin with % are magics, where the whole is no Python."""
    try:
        ast.parse(code)
        return [code]
    except SyntaxError:
        found = []
        for line in code.rstrip().split("\n"):
            if line.startswith("%") or not found or found[-1].startswith("%"):
                found.append(line)
            else:
                found[-1] += "\n" + line
        for part in found:
            if not part.startswith("%"):
                ast.parse(part, "<stdin>")
        return found


def users(trace):
    """Only the frames below the code of the statement."""
    while trace and trace.tb_frame.f_code.co_filename != "<stdin>":
        trace = trace.tb_next
    return trace.tb_next if trace else None


def answer(code, space):
    printed, data = io.StringIO(), {}
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            for part in parts(code):
                data = magic(part, space) if part.startswith("%") else run(part, space) or {}
        except BaseException as error:  # sys.exit() too
            trace = None if isinstance(error, SyntaxError) else users(error.__traceback__)
            return failure(error, traceback.format_exception(type(error), error, trace, chain=False))
    text = printed.getvalue().rstrip()
    if text or not data:
        data["text/plain"] = text
    return {"status": "ok", "data": data}


def main():
    source, sink = sys.stdin, sys.stdout
    sys.stdin = io.StringIO()
    spark = NoSpark()
    space = driver() if "PYSPARK_GATEWAY_PORT" in os.environ else {"sc": spark, "spark": spark}
    space["__name__"] = "__main__"
    sink.write("READY\n")
    sink.flush()
    for line in source:
        # What cannot be written as JSON ends the interpreter, as it ends Livy's own.
        sink.write(json.dumps(answer(json.loads(line)["code"], space)) + "\n")
        sink.flush()


main()
