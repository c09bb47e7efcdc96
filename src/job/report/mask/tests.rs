//! What is masked, and what stays.

use super::*;

#[test]
fn what_is_named_as_a_secret_is_masked_and_its_name_stays() {
    let table = [
        ("connecting with password=hunter2 to db", "connecting with password=*** to db"),
        ("spark.hadoop.fs.s3a.secret.key=wJalrXUtnFEMI/K7", "spark.hadoop.fs.s3a.secret.key=***"),
        (r#"{"db_password": "a b", "user": "x"}"#, r#"{"db_password": ***, "user": "x"}"#),
        (
            "jdbc:redshift://h:5439/d?user=u&password=p%40ss&ssl=true",
            "jdbc:redshift://h:5439/d?user=u&password=***&ssl=true",
        ),
        ("API_TOKEN: abc-123", "API_TOKEN: ***"),
        ("authorization: Bearer eyJhbGciOi.J9.x", "authorization: Bearer ***"),
        ("s3.access-key=AKIAIOSFODNN7EXAMPLE", "s3.access-key=***"),
        ("The key AKIAIOSFODNN7EXAMPLE is inactive", "The key *** is inactive"),
        ("postgresql://etl:hunter2@db.internal:5432/x", "postgresql://***@db.internal:5432/x"),
        (
            "spark-submit --user etl --password hunter2 --date x",
            "spark-submit --user etl --password *** --date x",
        ),
        ("--api-token='hunter2' -x", "--api-token=*** -x"),
        ("args: ['--api-token', 'hunter2']", "args: ['--api-token', ***]"),
        (r#"["--user","etl","--password","hunter2"]"#, r#"["--user","etl","--password",***]"#),
        ("--arg '--password' --arg 'hunter2' --arg 'x'", "--arg '--password' --arg *** --arg 'x'"),
    ];
    for (text, expected) in table {
        assert_eq!(mask(text), expected, "{text}");
    }
}

#[test]
fn a_secret_is_masked_in_each_form_in_which_programs_print_a_name_and_a_value() {
    let table = [
        (
            "Map(user -> etl, password -> hunter2, url -> jdbc:x)",
            "Map(user -> etl, password -> ***, url -> jdbc:x)",
        ),
        ("Map(password -> hunter2)", "Map(password -> ***)"),
        ("(spark.hadoop.fs.s3a.secret.key,hunter2)", "(spark.hadoop.fs.s3a.secret.key,***)"),
        ("[('user', 'etl'), ('password', 'hunter2')]", "[('user', 'etl'), ('password', ***)]"),
        ("{'password': 'hunter2', 'user': 'etl'}", "{'password': ***, 'user': 'etl'}"),
        ("{:password => \"hunter2\"}", "{:password => ***}"),
        (
            r#"{"SecretString":"{\"username\":\"admin\",\"password\":\"hunter2\"}"}"#,
            r#"{"SecretString":"{\"username\":\"admin\",\"password\":***}"}"#,
        ),
        (
            r#""body": "{\"x\":\"{\\\"password\\\":\\\"hunter2\\\",\\\"user\\\":1}\"}""#,
            r#""body": "{\"x\":\"{\\\"password\\\":***,\\\"user\\\":1}\"}""#,
        ),
        (r#"{"SecretString":"hunter2\"hunter2","Name":"x"}"#, r#"{"SecretString":***,"Name":"x"}"#),
        (r#"{\"token\": \"hunter2\", \"n\": 1}"#, r#"{\"token\": ***, \"n\": 1}"#),
        (
            r#"{"credentials": {"user": "x", "secretAccessKey": "hunter2"}}"#,
            r#"{"credentials": {"user": "x", "secretAccessKey": ***}}"#,
        ),
        (
            "<name>fs.s3a.secret.key</name><value>hunter2</value>",
            "<name>fs.s3a.secret.key</name><value>***</value>",
        ),
        (
            "https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261124&X-Amz-Signature=hunter2",
            "https://b.s3.amazonaws.com/k?X-Amz-Credential=***%2F20261124&X-Amz-Signature=***",
        ),
        ("https://h/k?sv=1&sig=hunter2&se=2", "https://h/k?sv=1&sig=***&se=2"),
        ("X-Amz-Security-Token=hunter2&x=1", "X-Amz-Security-Token=***&x=1"),
        (
            "fs.azure.account.key.acct.blob.core.windows.net=hunter2==",
            "fs.azure.account.key.acct.blob.core.windows.net=***",
        ),
        (
            "-Djavax.net.ssl.trustStorePassword=hunter2 -Xmx1g",
            "-Djavax.net.ssl.trustStorePassword=*** -Xmx1g",
        ),
        ("DB_PASSWORD_PROD=hunter2", "DB_PASSWORD_PROD=***"),
        (
            "aws_access_key_id=minio aws_secret_access_key=hunter2",
            "aws_access_key_id=*** aws_secret_access_key=***",
        ),
        ("java.sql.SQLException: password=hunter2 is wrong", "java.sql.SQLException: password=*** is wrong"),
    ];
    for (text, expected) in table {
        assert_eq!(mask(text), expected, "{text}");
    }
}

#[test]
fn what_only_mentions_one_stays_and_is_not_copied() {
    for text in [
        "java.lang.IllegalStateException: the token expired",
        "Traceback (most recent call last):",
        "hdfs://namenode:8020/user/x@y/part-0",
        "AccessDenied: status code 403, request id: ABC",
        "at org.apache.spark.SecurityManager.getSecretKey(SecurityManager.scala:77)",
        "KeyError: 'tokens'",
        "KeyError: 'password'",
        "com.amazonaws.services.secretsmanager.model.ResourceNotFoundException: Secrets Manager can't find the specified secret.",
        "com.amazonaws.services.securitytoken.model.AWSSecurityTokenServiceException: The security token included in the request is expired",
        "Caused by: software.amazon.awssdk.services.sts.model.ExpiredTokenException: Token has expired",
        "org.apache.hadoop.security.token.SecretManager$InvalidToken: token (owner=x) can't be found in cache",
        "cryptography.fernet.InvalidToken",
        "botocore.exceptions.NoCredentialsError: Unable to locate credentials",
        "NoCredentialsError: Unable to locate credentials",
        "26/11/24 02:00:06 INFO HadoopDelegationTokenManager: Scheduling renewal in 18.0 h.",
        "26/11/24 02:00:06 INFO SecretManager: Updating the current master key",
        "26/11/24 02:00:06 WARN TokenCache: Got dt for hdfs",
        "etl.py: error: argument --password: expected one argument",
        "use --password to set it, or --token-file /etc/etl/token",
        " |-- password: string (nullable = true)",
        "StructField(password,StringType,true)",
        "columns: ['user', 'token', 'created']",
        "spark.hadoop.hadoop.security.credential.provider.path=jceks://hdfs/x.jceks",
        "fs.s3a.aws.credentials.provider=com.amazonaws.auth.InstanceProfileCredentialsProvider",
        "tokenizer=whitespace, max_tokens=100, passwordless: yes, secretary=Ann",
        "SECRET_ARN=arn:aws:secretsmanager:us-east-1:123456789012:secret:db",
        "PWD=/mnt/yarn/usercache",
        "/etc/passwd: No such file or directory",
        "s3://bucket/in/token=abc/part-0",
        "  File \"/usr/lib/botocore/credentials.py\", line 3, in load",
        "credentials.py:45: DeprecationWarning",
        "password=null, token: None, secret=",
        "Unrecognized token 'hello': was expecting ('true', 'false' or 'null')",
        "the password is wrong; no token, no secret",
    ] {
        assert!(matches!(mask(text), Cow::Borrowed(same) if same == text), "{text}: {}", mask(text));
    }
}

#[test]
fn the_lines_that_people_have_published_show_nothing_and_lose_nothing() {
    for line in include_str!("../../../../tests/fixtures/mask-lines.txt").lines() {
        let masked = mask(line);
        assert!(!masked.contains("hunter2") && !masked.contains("AKIAIOSFODNN7EXAMPLE"), "{masked}");
        let kept = line.replace("'hunter2'", "***").replace("\\\"hunter2\\\"", "***");
        assert_eq!(masked, kept.replace("hunter2", "***").replace("AKIAIOSFODNN7EXAMPLE", "***"));
    }
}
