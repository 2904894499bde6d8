#!/usr/bin/env bash
# make test-kubernetes: the core set of the scenarios on newer versions of Kubernetes than the default one, where
# `make test` runs all of them. Each version has a playground of its own.
# Usage: hack/test-kubernetes.sh TAGS [VERSION...]; a VERSION is a minor one, like 1.37, or `oldest` or `newest` of the
# three newest that the playground can run. Without any it is these two.
set -euo pipefail
tags=$1
shift
(($#)) || set -- oldest newest

# The core set: what dev mode needs of Kubernetes.
core='
TestReplace             a workload is parked, a twin has its environment and files, and at the end all is as before
TestKinds               every kind of workload in both modes, and what each changes
TestUsersAreRestricted  the published Role is all that users have
TestSyncChanges         sync in both directions, through streams to the pod
TestDebugGo             a debugger through a forwarded port, and commands in the pod
TestWithoutPortForward  the same through exec alone
TestPodDeleted          a pod that is gone is replaced
TestManagedClusters     admission: policies and webhooks that change pods or refuse them
TestDoctor              permissions, quotas and the version, as the API server tells them
'
images='sidecar dev-go bookshop-catalog bookshop-redis bookshop-reviews bookshop-storefront'
run=$(awk 'NF { print $1 }' <<<"$core" | paste -sd '|')

cd "$(dirname "${BASH_SOURCE[0]}")/../examples/playground"
versions=($(sed -n 's|^\tk8s.io/kubernetes v\(1\.[0-9]*\)\.[0-9]*$|\1|p' go.mod kubernetes/*.mod | sort -V | tail -n 3))
for version in "$@"; do
  case $version in
    oldest) version=${versions[0]} ;;
    newest) version=${versions[-1]} ;;
  esac
  echo "test: the core set on Kubernetes $version"
  (cd ../.. && KUBERNETES=$version NHCTL_TEST_IMAGES=$images NHCTL_TEST_RUN="^($run)\$" \
    hack/test.sh "$tags")
  # `make check` looks at go.mod alone, since this downloads all modules of a version.
  if [[ -f kubernetes/$version.mod ]] && ! go mod tidy -diff -modfile="kubernetes/$version.mod" >/dev/null; then
    echo "kubernetes/$version.mod is not tidy: write it again with examples/playground/kubernetes/add.sh" >&2
    exit 1
  fi
done
