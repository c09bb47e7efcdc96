"""Writes its arguments but the first as JSON into the file that the first one names."""
import json
import sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
with open(sys.argv[1], "w", encoding="ascii") as out:
    json.dump(sys.argv[2:], out)
spark.stop()
