"""Fails by its own fault, after Spark is up."""
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
print("about to fail")
raise ValueError("no such rate code: 99")
