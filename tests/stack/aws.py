"""What LocalStack is asked for in the part of CloudFormation: a topic, a queue and a bucket; requests; answers.

  aws.py ENDPOINT door NAME                   makes all three, and prints their addresses as JSON
  aws.py ENDPOINT publish TOPIC               publishes what stdin says
  aws.py ENDPOINT sign BUCKET KEY SECONDS v2|v4   prints a presigned URL for a PUT, as CloudFormation hands it out
  aws.py ENDPOINT read BUCKET KEY             prints what was put there; exit code 1: nothing yet
  aws.py ENDPOINT dead NAME                   prints how many dead letters a door has
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, verb, *words = sys.argv[1:]


def client(service, **more):
    config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}, **more)
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test",
                        aws_secret_access_key="test", config=config)


def door(name):
    sqs, topic = client("sqs"), client("sns").create_topic(Name=name)["TopicArn"]
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:000000000000:"
    redrive = {"deadLetterTargetArn": f"{arn}{name}-dead", "maxReceiveCount": "2"}
    attributes = {"VisibilityTimeout": "5", "RedrivePolicy": json.dumps(redrive)}
    sqs.create_queue(QueueName=name, Attributes=attributes)
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"{arn}{name}")
    client("s3").create_bucket(Bucket=name)
    # whatever host LocalStack would name, the queue is where LocalStack is
    print(json.dumps({"topic": topic, "queue": f"{endpoint}/000000000000/{name}", "dead": dead}))


if verb == "door":
    door(*words)
elif verb == "publish":
    client("sns").publish(TopicArn=words[0], Message=sys.stdin.read())
elif verb == "sign":
    bucket, key, seconds, version = words
    s3 = client("s3", signature_version={"v2": "s3", "v4": "s3v4"}[version])
    print(s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=int(seconds)))
elif verb == "read":
    try:
        sys.stdout.buffer.write(client("s3").get_object(Bucket=words[0], Key=words[1])["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        sys.exit(1)
elif verb == "dead":
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName=f"{words[0]}-dead")["QueueUrl"]
    print(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessages"])
else:
    sys.exit(__doc__)
