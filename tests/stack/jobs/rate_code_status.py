"""Names and shares of the rate codes: rate_code_status.py MILES OUT.

MILES is what miles_per_rate_code.py wrote. Writes JSON lines
{"rate_code":1,"name":"Standard rate","total":1234.56,"share":0.5123} and fails if OUT exists.
"""
import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, sum as total

NAMES = ["Standard rate", "JFK", "Newark", "Nassau or Westchester", "Negotiated fare", "Group ride"]

source, out = sys.argv[1:]
spark = SparkSession.builder.getOrCreate()
names = spark.createDataFrame(list(enumerate(NAMES, start=1)), "rate_code int, name string")
miles = spark.read.json(source, "rate_code int, total decimal(20,2)")
everything = miles.agg(total("total")).first()[0]
status = miles.join(names, "rate_code").select(
    "rate_code", "name", "total", (col("total") / everything).cast("decimal(5,4)").alias("share")
)
status.coalesce(1).sortWithinPartitions("rate_code").write.json(out)
print("wrote", out)
spark.stop()
