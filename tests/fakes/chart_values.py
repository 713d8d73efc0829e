"""Values that people give the chart: what each has to render to, and what is refused with which sentence."""

from typing import Any

LONG = "a-name-that-is-as-long-as-a-name-may-be-in-kubernetes-and-then-some-more"
DIGEST = "sha256:" + "0123456789abcdef" * 4

RENDERINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "affinity": {
        part: {
            "affinity": {
                "podAntiAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": [
                        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "x"}}}
                    ]
                }
            }
        }
        for part in ("operator", "api")
    },
    "tolerations": {
        part: {"tolerations": [{"key": "dedicated", "operator": "Equal", "value": "aws", "effect": "NoSchedule"}]}
        for part in ("operator", "api")
    },
    "priorityClass": {part: {"priorityClassName": "system-cluster-critical"} for part in ("operator", "api")},
    "image by digest": {"image": {"digest": DIGEST}},
    "private registry": {
        "image": {"repository": "registry.example.com:5000/team/batteries", "tag": "1.2.3_rc-1"},
        "imagePullSecrets": [{"name": "registry"}],
    },
    "extra labels": {
        "commonLabels": {"team": "platform", "cost-center": 4711, "audited": True, "ratio": 1.5},
        "operator": {"podLabels": {"team": "other", "istio.io/rev": "stable"}},
        "api": {"podLabels": {"sidecar.istio.io/inject": False}},
    },
    "labels that the chart has too": {
        "commonLabels": {
            "app.kubernetes.io/name": "mine",
            "app.kubernetes.io/part-of": "platform",
            "app.kubernetes.io/managed-by": "me",
            "app.kubernetes.io/component": "mine",
        },
        "api": {"podLabels": {"app.kubernetes.io/instance": "mine"}},
        "monitoring": {"dashboard": {"labels": {"app.kubernetes.io/version": 2, "grafana_dashboard": 1}}},
    },
    "annotations with slashes": {
        part: {
            "podAnnotations": {"prometheus.io/scrape": True, "prometheus.io/port": 9090, "example.com/a.b": "x: y # z"},
            "serviceAccount": {"annotations": {"eks.amazonaws.com/sts-regional-endpoints": True}},
        }
        for part in ("operator", "api")
    }
    | {"service": {"annotations": {"service.beta.kubernetes.io/aws-load-balancer-internal": True}}},
    "sidecars": {
        part: {
            "extraContainers": [
                {"name": "proxy", "image": "envoy:v1", "volumeMounts": [{"name": "ca", "mountPath": "/c"}]}
            ],
            "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
            "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": True}],
        }
        for part in ("operator", "api")
    },
    "a pool of prepared accounts": {"pool": {"enabled": True, "name": "spare", "size": 20, "deletionPolicy": "Close"}},
    "arm64 nodes": {
        part: {"nodeSelector": {"kubernetes.io/arch": "arm64", "gpu": False, "generation": 3}}
        for part in ("operator", "api")
    },
    "names and DNS of one's own": {
        part: {
            "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["proxy.internal"]}],
            "dnsConfig": {"options": [{"name": "ndots", "value": "1"}]},
        }
        for part in ("operator", "api")
    },
    "a proxy and a private CA": {
        part: {
            "extraEnv": [
                {"name": "HTTPS_PROXY", "value": "http://proxy.internal:3128"},
                {"name": "SSL_CERT_FILE", "value": "/etc/ca/ca.crt"},
            ],
            "extraVolumes": [{"name": "ca", "secret": {"secretName": "ca"}}],
            "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca"}],
        }
        for part in ("operator", "api")
    },
    "settings that the chart sets itself": {
        "aws": {"existingSecret": "aws"},
        "stripe": {"existingSecret": "stripe"},
        "operator": {
            "settings": {"BATTERIES_LEASE_IDENTITY": "me", "BATTERIES_LOG_LEVEL": "debug", "BATTERIES_AWS_THREADS": 64},
            "extraEnv": [
                {"name": "AWS_REGION", "value": "eu-west-1"},
                {"name": "BATTERIES_LEASE_NAMESPACE", "value": "elsewhere"},
                {"name": "NUMBER", "value": 1},
                {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "AFTER", "value": "$(POD)"},
            ],
        },
        "api": {
            "settings": {"STRIPE_SECRET_KEY": "sk_live_x", "BATTERIES_API_BODY_LIMIT": 10000000},
            "extraEnv": [
                {"name": "STRIPE_WEBHOOK_SECRET", "valueFrom": {"secretKeyRef": {"name": "other", "key": "k"}}},
                {"name": "BATTERIES_PUBLIC_URL", "value": "https://api.example.com"},
            ],
        },
    },
    "a Lease and a first key's Secret of one's own": {
        "operator": {
            "extraEnv": [
                {"name": "BATTERIES_LEASE_NAME", "value": "mine"},
                {"name": "BATTERIES_LEASE_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            ]
        },
        "api": {
            "extraEnv": [
                {"name": "BATTERIES_ADMIN_KEY_SECRET", "value": "my-key"},
                {"name": "BATTERIES_ISSUER_KEYS_SECRET", "value": "my-keys"},
            ]
        },
    },
    "Stripe's secrets as files": {
        "stripe": {"existingSecret": "stripe", "asFiles": True, "secretKeyField": "key", "webhookSecretField": "hook"},
        "api": {
            "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
            "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca"}],
        },
    },
    "other ports and times": {
        "operator": {"metricsPort": 19091, "healthPort": 18081, "terminationGracePeriodSeconds": 60},
        "api": {"port": 18080, "metricsPort": 19090, "shutdownSeconds": 50, "preStopSeconds": 20},
        "service": {"port": 8443},
    },
    "other ports and times by settings": {
        "operator": {"settings": {"BATTERIES_METRICS_PORT": 19091, "BATTERIES_HEALTH_PORT": "18081"}},
        "api": {
            "settings": {"BATTERIES_API_PORT": 18080, "BATTERIES_API_SHUTDOWN_SECONDS": 50.5},
            "extraEnv": [{"name": "BATTERIES_API_METRICS_PORT", "value": "19090"}],
        },
    },
    "a long time to stop by settings": {"operator": {"settings": {"BATTERIES_STOP_SECONDS": 100.5}}},
    "a long time to stop by extraEnv": {
        "operator": {"extraEnv": [{"name": "BATTERIES_STOP_SECONDS", "value": "100"}]},
        "api": {"extraEnv": [{"name": "BATTERIES_API_SHUTDOWN_SECONDS", "value": "90"}]},
    },
    "a short time to stop": {"operator": {"terminationGracePeriodSeconds": 10}},
    "no metrics and no health": {
        "operator": {"settings": {"BATTERIES_METRICS_PORT": 0, "BATTERIES_HEALTH_PORT": 0}},
        "api": {"settings": {"BATTERIES_API_METRICS_PORT": 0}},
    },
    "a long nameOverride": {"nameOverride": LONG},
    "a long fullnameOverride": {"fullnameOverride": LONG},
    "a name that is cut at a dash": {"fullnameOverride": "a" * 50 + "--" + "b" * 20},
    "a short name": {"fullnameOverride": "b"},
    "OpenShift": {"openshift": True},
    "no security context of ours": {
        "podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
        "containerSecurityContext": {"readOnlyRootFilesystem": False},
    },
    "a uid of one's own": {"podSecurityContext": {"runAsUser": 1000, "supplementalGroups": [2000]}},
    "EKS with IRSA": {"aws": {"roleArn": "arn:aws:iam::123456789012:role/batteries", "region": "eu-central-1"}},
    "GovCloud with IRSA": {
        "aws": {"roleArn": "arn:aws-us-gov:iam::123456789012:role/batteries", "region": "us-gov-west-1"}
    },
    "an Ingress with TLS": {
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "hosts": ["api.example.com", "*.example.org"],
            "tlsSecret": "tls",
            "annotations": {"nginx.ingress.kubernetes.io/ssl-redirect": True, "a/proxy-read-timeout": 60},
        }
    },
    "a load balancer": {
        "service": {
            "type": "LoadBalancer",
            "loadBalancerClass": "service.k8s.aws/nlb",
            "ipFamilyPolicy": "PreferDualStack",
        }
    },
    "a NodePort": {"service": {"type": "NodePort"}},
    "an autoscaler": {"api": {"autoscaling": {"enabled": True, "minReplicas": 3}}},
    "one of each": {"operator": {"replicas": 1}, "api": {"replicas": 1}},
    "none running": {"operator": {"replicas": 0}, "api": {"replicas": 0}},
    "all namespaces": {"namespaces": {"all": True}},
    "no network policies": {"networkPolicy": {"enabled": False}},
    "narrow network policies": {
        "networkPolicy": {
            "apiFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}],
            "metricsFrom": [{"podSelector": {}}],
            "dnsPorts": [5353],
            "egressPorts": [443, 6443, 3128],
            "extraEgress": [{"to": [{"ipBlock": {"cidr": "fd00::/8"}}], "ports": [{"port": 3128}]}],
        }
    },
    "other resources": {
        part: {
            "resources": {
                "requests": {"cpu": 1, "ephemeral-storage": "1Gi"},
                "limits": {"memory": "2Gi", "ephemeral-storage": "2Gi"},
            }
        }
        for part in ("operator", "api")
    },
    "other budgets and spreading": {
        part: {
            "podDisruptionBudget": {"maxUnavailable": "50%"},
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}
            ],
        }
        for part in ("operator", "api")
    },
}

REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "a label that is a list": ({"commonLabels": {"team": ["a"]}}, "commonLabels"),
    "a label with a space": ({"commonLabels": {"team": "a team"}}, "commonLabels"),
    "a label too long": ({"api": {"podLabels": {"team": "x" * 64}}}, "podLabels"),
    "an annotation that is a map": ({"service": {"annotations": {"a": {"b": "c"}}}}, "annotations"),
    "a node selector that is a list": ({"operator": {"nodeSelector": {"a": ["b"]}}}, "nodeSelector"),
    "a variable named twice": (
        {"api": {"extraEnv": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}},
        r"api\.extraEnv names A twice",
    ),
    "more in progress than AWS makes": ({"pool": {"maxInProgress": 6}}, "maxInProgress"),
    "a pool of no size": ({"pool": {"size": "many"}}, "size"),
    "a port from a Secret": (
        {
            "api": {
                "extraEnv": [{"name": "BATTERIES_API_PORT", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]
            }
        },
        r"Set api\.port instead",
    ),
    "a Lease's name from a ConfigMap": (
        {
            "operator": {
                "extraEnv": [
                    {"name": "BATTERIES_LEASE_NAME", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}}
                ]
            }
        },
        r"Set operator\.settings\.BATTERIES_LEASE_NAME instead",
    ),
    "a port that is no number": (
        {"operator": {"settings": {"BATTERIES_HEALTH_PORT": "health"}}},
        r"not a number.*operator\.healthPort",
    ),
    "root e-mail addresses that are blank": (
        {"operator": {"settings": {"BATTERIES_ACCOUNT_EMAIL_TEMPLATE": " "}}},
        "accountEmailTemplate is not set",
    ),
    "root e-mail addresses that extraEnv takes away": (
        {"operator": {"extraEnv": [{"name": "BATTERIES_ACCOUNT_EMAIL_TEMPLATE", "value": ""}]}},
        "accountEmailTemplate is not set",
    ),
    "one root e-mail address for all, by settings": (
        {"operator": {"settings": {"BATTERIES_ACCOUNT_EMAIL_TEMPLATE": "aws@example.com"}}},
        r"must contain \{id\}",
    ),
    "one root e-mail address for all, by extraEnv": (
        {"operator": {"extraEnv": [{"name": "BATTERIES_ACCOUNT_EMAIL_TEMPLATE", "value": "aws@example.com"}]}},
        r"must contain \{id\}",
    ),
    "root e-mail addresses that are none": (
        {"operator": {"settings": {"BATTERIES_ACCOUNT_EMAIL_TEMPLATE": "aws+{id}"}}},
        "must be one e-mail address",
    ),
    "a port that is too high": ({"api": {"settings": {"BATTERIES_API_PORT": 70000}}}, r"not a valid port.*api\.port"),
    "a port of the API that is none": (
        {"api": {"settings": {"BATTERIES_API_PORT": 0}}},
        r"not a valid port.*api\.port",
    ),
    "a part of a port": (
        {"operator": {"settings": {"BATTERIES_METRICS_PORT": 9091.5}}},
        r"not a valid port.*metricsPort",
    ),
    "one port for two servers of the operator": (
        {"operator": {"extraEnv": [{"name": "BATTERIES_HEALTH_PORT", "value": "9091"}]}},
        "BATTERIES_METRICS_PORT and BATTERIES_HEALTH_PORT are both 9091",
    ),
    "one port for two servers of the API": (
        {"api": {"port": 9090}},
        "BATTERIES_API_PORT and BATTERIES_API_METRICS_PORT are both 9090",
    ),
    "a time to stop that is no number": (
        {"operator": {"settings": {"BATTERIES_STOP_SECONDS": "1m"}}},
        r"not a number.*terminationGracePeriodSeconds",
    ),
    "a variable without a name": ({"api": {"extraEnv": [{"value": "1"}]}}, "extraEnv.*name"),
    "a registry's Secret by its name alone": ({"imagePullSecrets": ["registry"]}, "imagePullSecrets"),
    "a namespace that is none": ({"namespaces": {"names": ["Team_A"]}}, "namespaces/names"),
    "a tag with a space": ({"image": {"tag": "1 2"}}, "image/tag"),
    "a public URL that is none": ({"api": {"publicUrl": "ftp://example.com"}}, "publicUrl"),
    "an Ingress without hosts": ({"ingress": {"enabled": True}}, r"ingress\.hosts"),
    "an autoscaler that can't be": (
        {"api": {"autoscaling": {"enabled": True, "minReplicas": 5, "maxReplicas": 2}}},
        "minReplicas is more than",
    ),
    "a digest that is none": ({"image": {"digest": "latest"}}, "digest"),
    "a name with an underscore": ({"nameOverride": "my_name"}, "nameOverride"),
    "a value that does not exist": ({"api": {"replicaz": 3}}, "replicaz"),
}
