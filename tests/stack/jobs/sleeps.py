"""Runs for a given time: sleeps.py SECONDS."""
import sys
import time

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()  # without it YARN waits for one and then fails the application
print("asleep", flush=True)
time.sleep(float(sys.argv[1]))
print("awake")
spark.stop()
