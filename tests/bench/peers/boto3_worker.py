"""A plain activity worker, as one writes it in an afternoon: boto3, a thread a task, one look a second.

boto3_worker.py STEP_FUNCTIONS_URL LIVY_URL ACTIVITY_ARN PLACES HEARTBEAT_SECONDS
"""
import json
import sys
import threading
import time
import urllib.request

import boto3
from botocore.config import Config

endpoint, livy, arn = sys.argv[1:4]
places, interval = int(sys.argv[4]), float(sys.argv[5])
client = boto3.client(
    "stepfunctions", endpoint_url=endpoint, region_name="us-east-1", config=Config(read_timeout=70, max_pool_connections=places + 4)
)
free = threading.Semaphore(places)


def call(method, path, body=None):
    request = urllib.request.Request(livy + path, None if body is None else json.dumps(body).encode(), method=method)
    request.add_header("Content-Type", "application/json")
    request.add_header("X-Requested-By", "plain")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def work(token, text):
    try:
        task = json.loads(text)
        batch = call("POST", "/batches", {"file": task["File"], "name": task.get("Name"), "args": task.get("Args", [])})
        beaten = time.monotonic()
        while batch["state"] not in ("success", "dead", "killed", "error"):
            time.sleep(1)
            batch = call("GET", "/batches/%d" % batch["id"])
            if time.monotonic() - beaten > interval:
                client.send_task_heartbeat(taskToken=token)
                beaten = time.monotonic()
        if batch["state"] == "success":
            output = json.dumps({"applicationId": batch["appId"], "batchId": batch["id"]})
            client.send_task_success(taskToken=token, output=output)
        else:
            client.send_task_failure(taskToken=token, error="Failed", cause=batch["state"])
    finally:
        free.release()


while True:
    free.acquire()
    task = client.get_activity_task(activityArn=arn, workerName="plain")
    if task.get("taskToken"):
        threading.Thread(target=work, args=(task["taskToken"], task["input"]), daemon=True).start()
    else:
        free.release()
