"""Recognise the pictures of a folder on a Ray cluster, write their faces as Parquet, and count the emotions.

    python examples/ray_dataset.py examples/images faces

The folders may be in a cloud, as s3://bucket/pictures. RAY_ADDRESS names the cluster; without it, Ray starts one on
this machine. Needs fer-toolkit[ray].
"""

import sys

import pyarrow.parquet
import ray

from fer_toolkit.batch import recognize_dataset

ENDINGS = ["jpg", "jpeg", "png", "webp"]


def main(folder: str, output: str) -> None:
    """Read, recognise and write on the cluster; of what it finds, two columns come here."""
    pictures = ray.data.read_binary_files(folder, include_paths=True, file_extensions=ENDINGS)
    faces = recognize_dataset(pictures, column="bytes").drop_columns(["bytes"])
    faces.write_parquet(output)

    found = pyarrow.parquet.read_table(output, columns=["emotion", "error"])
    for group in found["emotion"].drop_null().value_counts().to_pylist():
        print(f"{group['values']:9} {group['counts']}")
    print(f"{len(found) - found['error'].null_count} of the pictures could not be read")


if __name__ == "__main__":
    main(*(sys.argv[1:] or sys.exit(__doc__)))
