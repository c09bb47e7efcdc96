"""Total trip distance per rate code: miles_per_rate_code.py TRIPS.csv OUT.

Writes JSON lines {"rate_code":1,"total":1234.56} and fails if OUT exists.
"""
import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, sum as total

source, out = sys.argv[1:]
spark = SparkSession.builder.getOrCreate()
trips = spark.read.csv(source, header=True)
# decimals, so that the total does not depend on the order of the additions
miles = (
    trips.select(col("rate_code").cast("int"), col("trip_distance").cast("decimal(10,2)"))
    .groupBy("rate_code")
    .agg(total("trip_distance").alias("total"))
)
miles.coalesce(1).sortWithinPartitions("rate_code").write.json(out)
print("wrote", out)
spark.stop()
