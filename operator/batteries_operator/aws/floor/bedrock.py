"""The rules about Amazon Bedrock: all of it, nothing of it, or some models.

Whoever invokes a model through an inference profile needs the profile and, in each region that it leads to, the model
(Bedrock user guide, "Prerequisites for inference profiles"). So profiles are let pass, and the model decides.
"""

from collections.abc import Sequence

from batteries_operator.aws.floor.rule import Rule, denial
from batteries_operator.aws.partition import Partition

ALLOW, DENY = ("allow",), ("deny",)

_SERVICES = ("bedrock:*", "bedrock-agentcore:*", "bedrock-mantle:*")
_INVOKING = ("bedrock:CreateModelCustomizationJob", "bedrock:CreateModelInvocationJob", "bedrock:InvokeModel*")
_WAYS_TO_A_MODEL = (
    "application-inference-profile",
    "async-invoke",
    "default-prompt-router",
    "inference-profile",
    "model-invocation-job",
    "prompt-router",
)


def bedrock(chosen: Sequence[str], partition: Partition, access_roles: Sequence[str]) -> list[Rule]:
    """The rules; none if all of it may be used."""
    if tuple(chosen) == ALLOW:
        return []
    if tuple(chosen) == DENY:
        return [denial("Bedrock", "Nobody in the account uses Amazon Bedrock.", _SERVICES, but=access_roles)]
    models = ", ".join(chosen)
    passed = [f"arn:{partition.name}:bedrock:*::foundation-model/{model}" for model in chosen]
    passed += [f"arn:{partition.name}:bedrock:*:*:{way}/*" for way in _WAYS_TO_A_MODEL]
    statement = {"Sid": "BedrockModels", "Effect": "Deny", "Action": list(_INVOKING), "NotResource": passed}
    return [
        Rule(f"Of the models in Amazon Bedrock, the account invokes {models} only.", statement),
        denial(
            "BedrockMantleModels",
            f"The same by the endpoint bedrock-mantle: {models} only.",
            ("bedrock-mantle:CreateFineTuningJob", "bedrock-mantle:CreateInference"),
            condition={"StringNotLike": {"bedrock-mantle:Model": list(chosen)}},
        ),
    ]
