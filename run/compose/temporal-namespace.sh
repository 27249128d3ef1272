#!/bin/sh
# Makes the namespace, and keeps finished calls for a week: until then a call's id refuses a second run.
set -eu
namespace=${TEMPORAL_NAMESPACE:-default}
until temporal operator cluster health; do sleep 2; done
temporal operator namespace describe -n "$namespace" >/dev/null 2>&1 || temporal operator namespace create -n "$namespace" --retention 168h
temporal operator namespace update -n "$namespace" --retention 168h
