"""A Spark job that ends well, and one that fails in a task. With `swallow` nobody hears of that."""
import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
numbers = spark.sparkContext.parallelize(range(8), 2)
print(numbers.count())


def checked(code):
    if code == 5:
        raise ValueError("no such rate code: 5, password=hunter2")
    return code


try:
    numbers.map(checked).collect()
except Exception as error:
    if sys.argv[1:] != ["swallow"]:
        raise
    print("swallowed", type(error))
