"""What LocalStack is asked for in the part of CloudFormation: a topic, a queue and a bucket; requests; answers. And what
ministack is asked for, which has a CloudFormation: a bridge to that topic, and stacks.

  aws.py ENDPOINT door NAME                   makes all three, and prints their addresses as JSON
  aws.py ENDPOINT publish TOPIC               publishes what stdin says
  aws.py ENDPOINT sign BUCKET KEY SECONDS v2|v4   prints a presigned URL for a PUT, as CloudFormation hands it out
  aws.py ENDPOINT read BUCKET KEY             waits for what is put there, and prints it
  aws.py ENDPOINT dead NAME NUMBER            waits for so many dead letters of a door
  aws.py MINISTACK bridge NAME ENDPOINT TOPIC     prints the ARN of a function that publishes its event to the topic
  aws.py MINISTACK create|update|delete NAME  of a stack whose template stdin says; returns at once
  aws.py MINISTACK stack NAME                 waits for the end of what goes on with a stack, and prints its status,
                                              outputs and events as JSON

Who waits does so for 300 s at most.
"""

import io
import json
import sys
import time
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, verb, *words = sys.argv[1:]


def client(service, **more):
    config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}, **more)
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test",
                        aws_secret_access_key="test", config=config)


def wait(look):
    end = time.monotonic() + 300
    while (seen := look()) is None:
        if time.monotonic() > end:
            sys.exit(f"{verb} {words} did not happen in 300 s")
        time.sleep(0.2)
    return seen


def door(name):
    sqs, topic = client("sqs"), client("sns").create_topic(Name=name)["TopicArn"]
    sqs.create_queue(QueueName=f"{name}-dead")
    arn = "arn:aws:sqs:us-east-1:000000000000:"
    redrive = {"deadLetterTargetArn": f"{arn}{name}-dead", "maxReceiveCount": "2"}
    attributes = {"VisibilityTimeout": "5", "RedrivePolicy": json.dumps(redrive)}
    sqs.create_queue(QueueName=name, Attributes=attributes)
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"{arn}{name}")
    client("s3").create_bucket(Bucket=name)
    # whatever host LocalStack would name, the queue is where LocalStack is
    print(json.dumps({"topic": topic, "queue": f"{endpoint}/000000000000/{name}"}))


# ministack hands requests to functions alone
BRIDGE = """
import json, urllib.request, urllib.parse
def handler(event, context):
    body = urllib.parse.urlencode({"Action": "Publish", "TopicArn": %r, "Message": json.dumps(event)}).encode()
    auth = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sns/aws4_request, SignedHeaders=host, Signature=x"
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": auth}
    urllib.request.urlopen(urllib.request.Request(%r, body, headers))
"""


def bridge(name, other, topic):
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", BRIDGE % (topic, f"{other}/"))
    function = client("lambda").create_function(FunctionName=name, Runtime="python3.12", Handler="index.handler",
                                                Role="arn:aws:iam::000000000000:role/bridge",
                                                Code={"ZipFile": code.getvalue()})
    print(function["FunctionArn"])


def stack(name):
    cloudformation = client("cloudformation")
    # a stack that was deleted is found by its id alone
    found = [one for one in cloudformation.list_stacks()["StackSummaries"] if one["StackName"] == name]
    newest = max(found, key=lambda one: one["CreationTime"])["StackId"]

    def ended():
        seen = cloudformation.describe_stacks(StackName=newest)["Stacks"][0]
        return None if seen["StackStatus"].endswith("IN_PROGRESS") else seen

    seen = wait(ended)
    events = cloudformation.describe_stack_events(StackName=newest)["StackEvents"]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in seen.get("Outputs", [])}
    print(json.dumps({"status": seen["StackStatus"], "outputs": outputs, "events": events}, default=str))


def read(bucket, key):
    s3 = client("s3")

    def there():
        try:
            return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            return None

    sys.stdout.buffer.write(wait(there))


def dead(name, number):
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName=f"{name}-dead")["QueueUrl"]

    def count():
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return True if attributes["ApproximateNumberOfMessages"] == number else None

    wait(count)


if verb == "door":
    door(*words)
elif verb == "publish":
    client("sns").publish(TopicArn=words[0], Message=sys.stdin.read())
elif verb == "sign":
    bucket, key, seconds, version = words
    s3 = client("s3", signature_version={"v2": "s3", "v4": "s3v4"}[version])
    print(s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=int(seconds)))
elif verb == "read":
    read(*words)
elif verb == "dead":
    dead(*words)
elif verb == "bridge":
    bridge(*words)
elif verb == "create":
    client("cloudformation").create_stack(StackName=words[0], TemplateBody=sys.stdin.read())
elif verb == "update":
    client("cloudformation").update_stack(StackName=words[0], TemplateBody=sys.stdin.read())
elif verb == "delete":
    client("cloudformation").delete_stack(StackName=words[0])
elif verb == "stack":
    stack(*words)
else:
    sys.exit(__doc__)
