"""Runs in the environment of the engines: a Parquet file and a statement in, the answer of Spark as JSON out."""

import json
import sys
from pathlib import Path

from pyspark.sql import SparkSession

table, statement, out = sys.argv[1:]
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.sql.shuffle.partitions", "1")
    .getOrCreate()
)
spark.read.parquet(table).createOrReplaceTempView("t")
rows = spark.sql(Path(statement).read_text(encoding="utf-8")).collect()
Path(out).write_text(json.dumps([list(row) for row in rows]), encoding="utf-8")
spark.stop()
