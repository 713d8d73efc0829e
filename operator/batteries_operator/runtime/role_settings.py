"""The settings of the roles that GitHub Actions assume: what they may do at most."""

from typing import Annotated

from pydantic import Field

from batteries_crds.runtime.settings import FromEnvironment

AWS_MANAGED = r"^arn:aws[a-z-]*:iam::aws:policy/[\w+=,.@/-]+$"
AWS_MANAGED_OR_EMPTY = r"^(arn:aws[a-z-]*:iam::aws:policy/[\w+=,.@/-]+)?$"
"""A policy of one account can't be named for all accounts; AWS's own are in each."""


class RoleSettings(FromEnvironment):
    """What an installation decides about them."""

    deploy_boundary_arn: Annotated[
        str,
        Field(
            max_length=160,
            pattern=AWS_MANAGED_OR_EMPTY,
            description="The permissions boundary of GitHubActionsDeployRole: an AWS managed policy; deployments may "
            "do nothing beyond it, whatever is attached. Roles that exist get it at the next comparison. Empty: none "
            "is set, and one that a role has stays.",
        ),
    ] = ""
    read_only_policy_arn: Annotated[
        str,
        Field(
            max_length=160,
            pattern=AWS_MANAGED,
            description="What GitHubActionsReadOnlyRole may do: an AWS managed policy. ReadOnlyAccess reads data too, "
            "such as objects in S3; job-function/ViewOnlyAccess lists and describes, and reads no content. After a "
            "change, roles that exist have the new policy beside the old one.",
        ),
    ] = "arn:aws:iam::aws:policy/ReadOnlyAccess"
