#!/usr/bin/env python3
"""Makes the file endpoints with botocore, a second opinion: where each service
lives in each region.

A line is service, region, variant, the region that signs, and the endpoint, or
"refused".  The variants: "standard", "dualstack", "fips", "fips+dualstack", and
for STS "legacy", its global endpoint.  Pseudo-regions ("aws-global") are left
out.  Run it again only to add cases:

    python3 test/vectors/make_endpoints.py
"""
import gzip
import json
import os

import botocore
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import BotoCoreError

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(os.path.dirname(botocore.__file__), "data")
RULES = {"sqs": "sqs/2012-11-05", "s3": "s3/2006-03-01", "sts": "sts/2011-06-15",
         "redshift-data": "redshift-data/2019-12-20"}
VARIANTS = {"standard": {}, "dualstack": {"UseDualStack": True}, "fips": {"UseFIPS": True},
            "fips+dualstack": {"UseFIPS": True, "UseDualStack": True}}


def resolve(provider, region, wishes):
    try:
        found = provider.resolve_endpoint(**{"Region": region, "UseFIPS": False, "UseDualStack": False, **wishes})
    except BotoCoreError:
        return region, "refused"
    schemes = found.properties.get("authSchemes", [{}])
    return schemes[0].get("signingRegion", region), found.url


def main():
    with open(os.path.join(DATA, "partitions.json"), encoding="utf-8") as file:
        partitions = json.load(file)
    regions = sorted(name for partition in partitions["partitions"] for name in partition["regions"]
                     if not name.endswith("-global"))
    regions += ["eu-tomorrow-7", "cn-tomorrow-7", "us-gov-tomorrow-7", "us-isof-tomorrow-7", "xx-tomorrow-7"]
    with open(os.path.join(HERE, "endpoints"), "w", encoding="utf-8") as out:
        for service, folder in RULES.items():
            with gzip.open(os.path.join(DATA, folder, "endpoint-rule-set-1.json.gz")) as file:
                provider = EndpointProvider(json.load(file), partitions)
            variants = {**VARIANTS, **({"legacy": {"UseGlobalEndpoint": True}} if service == "sts" else {})}
            for region in regions:
                for variant, wishes in variants.items():
                    print(service, region, variant, *resolve(provider, region, wishes), file=out)


if __name__ == "__main__":
    main()
