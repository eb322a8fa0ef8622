"""Fails when SAM adds a permission to those of template.yaml, which the tests evaluate:
python .ci/permissions.py template.yaml (docs/decisions/0010-permissions-are-evaluated.md)."""

import copy
import os
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

# The resource types that SAM creates for functions, their events and the HTTP API.
CREATED = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Stage",
    "AWS::Events::Rule",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
}


class NoManagedPolicies:
    """SAM looks managed policies up only for a function that names one."""

    def load(self):
        return {}


def main(path):
    with open(path, encoding="utf-8") as file:
        written = yaml_parse(file.read())
    source = copy.deepcopy(written)
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # SAM accepts local code only after `sam package`.
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    defaults = {name: parameter.get("Default") for name, parameter in written["Parameters"].items()}
    created = transform(source, defaults, NoManagedPolicies())["Resources"]

    differences = []
    functions = 0
    for name, resource in created.items():
        kind, properties = resource["Type"], resource["Properties"]
        own = written["Resources"].get(name, {})
        if own.get("Type") == kind:
            # A mapping names the stage, which SAM creates.
            if own["Properties"] != properties and kind != "AWS::ApiGatewayV2::ApiMapping":
                differences.append(f"{name} was changed")
        elif kind not in CREATED:
            differences.append(f"{name} of the type {kind} was added")
        elif kind == "AWS::Lambda::Function":
            functions += 1
            if properties["Role"] != own["Properties"].get("Role"):
                differences.append(f"{name} has another role than the one in the template")
        elif kind == "AWS::Lambda::Permission":
            schedule = {"Fn::GetAtt": [name.removesuffix("Permission"), "Arn"]}
            of_schedule = properties["Principal"] == "events.amazonaws.com" and properties.get("SourceArn") == schedule
            of_route = properties["Principal"] == "apigateway.amazonaws.com" and "SourceArn" in properties
            if not (of_schedule or of_route):
                differences.append(f"{name} lets in more than a route of the HTTP API or the function's schedule")
        elif kind == "AWS::Events::Rule" and "ScheduleExpression" not in properties:
            differences.append(f"{name} is no schedule")
    if not functions:
        differences.append("no function was found")
    sys.exit("\n".join(differences) or None)


main(sys.argv[1])
