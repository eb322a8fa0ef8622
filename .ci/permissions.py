"""Holds that SAM adds no permission to those that template.yaml writes out, which the tests evaluate:
python .ci/permissions.py template.yaml (docs/decisions/0010-permissions-are-evaluated.md)."""

import copy
import os
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

# What SAM makes of functions, their events and the HTTP API.
MADE = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Stage",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
}


class NoManagedPolicies:
    """Asked only where a function names a managed policy."""

    def load(self):
        return {}


def main(path):
    with open(path, encoding="utf-8") as file:
        written = yaml_parse(file.read())
    source = copy.deepcopy(written)
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # Otherwise it wants to have been packaged.
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    defaults = {name: each.get("Default") for name, each in written["Parameters"].items()}
    made = transform(source, defaults, NoManagedPolicies())["Resources"]

    faults = []
    functions = 0
    for name, resource in made.items():
        kind, properties = resource["Type"], resource["Properties"]
        own = written["Resources"].get(name, {})
        if own.get("Type") == kind:
            # A mapping names the stage, which SAM makes.
            if own["Properties"] != properties and kind != "AWS::ApiGatewayV2::ApiMapping":
                faults.append(f"{name} was changed")
        elif kind not in MADE:
            faults.append(f"{name} of the type {kind} was added")
        elif kind == "AWS::Lambda::Function":
            functions += 1
            if properties["Role"] != own["Properties"].get("Role"):
                faults.append(f"{name} has another role than the one that is written")
        elif kind == "AWS::Lambda::Permission":
            if properties["Principal"] != "apigateway.amazonaws.com" or "SourceArn" not in properties:
                faults.append(f"{name} lets in more than a route of the HTTP API")
    if not functions:
        faults.append("no function was found")
    sys.exit("\n".join(faults) or None)


main(sys.argv[1])
