"""A job's work as a function of stepfunctions-activity-worker, whose threads poll, beat and report.

activity_worker.py STEP_FUNCTIONS_URL LIVY_URL ACTIVITY_ARN PLACES HEARTBEAT_SECONDS
"""
import json
import sys
import time
import urllib.request

import boto3
from botocore.config import Config
from stepfunctions_activity_worker import ActivityWorker

endpoint, livy, arn = sys.argv[1:4]
places, interval = int(sys.argv[4]), float(sys.argv[5])


def call(method, path, body=None):
    request = urllib.request.Request(livy + path, None if body is None else json.dumps(body).encode(), method=method)
    request.add_header("Content-Type", "application/json")
    request.add_header("X-Requested-By", "activity-worker")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def job(File, Name=None, Args=()):
    """The keys of a task's input are its arguments; what it returns is the output, what it raises the error."""
    batch = call("POST", "/batches", {"file": File, "name": Name, "args": Args})
    while batch["state"] not in ("success", "dead", "killed", "error"):
        time.sleep(1)
        batch = call("GET", "/batches/%d" % batch["id"])
    if batch["state"] != "success":
        raise RuntimeError(batch["state"])
    return {"applicationId": batch["appId"], "batchId": batch["id"]}


# The client as the library's page says: a poll is held for as long as the default patience.
client = boto3.client(
    "stepfunctions", endpoint_url=endpoint, region_name="us-east-1", config=Config(read_timeout=70, max_pool_connections=places + 4)
)
ActivityWorker(arn, job, heartbeat_interval=interval, worker_count=places, client=client).listen()
