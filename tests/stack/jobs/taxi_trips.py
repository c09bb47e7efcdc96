"""Invented taxi trips, the same on every call: taxi_trips.py FILE N."""
import csv
import random
import sys
from datetime import datetime, timedelta

# rate code: how common, mean miles, dollars per mile
RATES = {
    1: (880, 2.6, 3.1),
    2: (70, 17.5, 3.0),
    3: (15, 16.9, 4.2),
    4: (10, 20.4, 3.6),
    5: (23, 6.0, 5.0),
    6: (2, 1.2, 3.0),
}

path, count = sys.argv[1], int(sys.argv[2])
rng = random.Random(2019)
with open(path, "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    out.writerow(
        "vendor_id,pickup_datetime,dropoff_datetime,passenger_count,"
        "trip_distance,rate_code,payment_type,fare_amount".split(",")
    )
    for _ in range(count):
        rate = rng.choices(list(RATES), [common for common, _, _ in RATES.values()])[0]
        _, mean, per_mile = RATES[rate]
        miles = rng.expovariate(1 / mean)
        pickup = datetime(2019, 1, 1) + timedelta(seconds=rng.randrange(31 * 86400))
        ride = timedelta(seconds=60 + round(miles * rng.uniform(120, 420)))
        passengers = rng.choices([1, 2, 3, 4, 5, 6], [70, 15, 5, 3, 4, 3])[0]
        payment = rng.choices([1, 2, 3, 4], [70, 28, 1, 1])[0]
        fare = 2.5 + miles * per_mile
        out.writerow([rng.choice([1, 2]), pickup, pickup + ride, passengers, f"{miles:.2f}", rate, payment, f"{fare:.2f}"])
