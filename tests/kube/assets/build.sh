#!/bin/sh
# Builds what tests/kube runs against: kube-apiserver, etcd, kubectl and helm, from the published
# Go modules that go.mod pins. Builds only what is missing, so a second run takes no time.
#   build.sh [DIR]       into DIR; without it into the cache folder of these versions
#   build.sh --where     print that cache folder
# Needs the go command, and the network for modules that are not in its cache yet.
set -eu

modules=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

fail() {
  printf 'muster: kube assets: %s\n' "$1" >&2
  exit 1
}

# The version of one module, as go.mod pins it, without its v.
pinned() { awk -v module="$1" 'NF > 1 && $1 == module { sub("^v", "", $2); print $2; exit }' "$modules/go.mod"; }

kubernetes=$(pinned k8s.io/kubernetes)
etcd=$(pinned go.etcd.io/etcd/server/v3)
helm=$(pinned helm.sh/helm/v4)
[ "$kubernetes" ] && [ "$etcd" ] && [ "$helm" ] || fail "go.mod names no version of one of them"

where="${XDG_CACHE_HOME:-$HOME/.cache}/muster/kube-assets/kubernetes-$kubernetes-etcd-$etcd-helm-$helm"
case "${1:-}" in
  --where) printf '%s\n' "$where"; exit 0 ;;
  "") target=$where ;;
  *) target=$1 ;;
esac

# Since Go 1.21 the go command fetches the version that go.mod asks for by itself.
go_is_new_enough() {
  go env GOVERSION 2>/dev/null | awk -F '[go.]+' '$2 > 1 || $3 >= 21 { ok = 1 } END { exit !ok }'
}

# The versions are stamped because /version, kubectl and feature gates read them.
stamps() {
  minor=${kubernetes#*.}
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    printf ' -X %s.gitVersion=v%s' "$package" "$kubernetes"
    printf ' -X %s.gitMajor=%s' "$package" "${kubernetes%%.*}"
    printf ' -X %s.gitMinor=%s' "$package" "${minor%%.*}"
    printf ' -X %s.gitTreeState=clean' "$package"
  done
  printf ' -X helm.sh/helm/v4/internal/version.version=v%s' "$helm"
}

build() {
  name=$1
  package=$2
  if [ -x "$target/$name" ]; then
    printf 'kube assets: %s is there\n' "$name"
    return
  fi
  printf 'kube assets: building %s …\n' "$name"
  begin=$(date +%s)
  (cd "$modules" && go build -trimpath -ldflags "-s -w$(stamps)" -o "$work/$name" "$package") ||
    fail "$name could not be built; the lines above say why. Then run the same command again."
  mv "$work/$name" "$target/$name"
  printf 'kube assets: %s is built (%s s)\n' "$name" "$(($(date +%s) - begin))"
}

complete() {
  for name in etcd kube-apiserver kubectl helm; do
    [ -x "$target/$name" ] || return 1
  done
}

if ! complete && ! go_is_new_enough; then
  fail "needs the go command, 1.21 or newer, which is not on PATH: see https://go.dev/doc/install"
fi
mkdir -p "$target"
target=$(CDPATH='' cd -- "$target" && pwd)
# Beside its place, so that the last step is a rename and no half a binary is ever found there.
work=$(mktemp -d "$target/.building.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
export CGO_ENABLED=0 GOFLAGS='-mod=readonly -buildvcs=false' GOWORK=off

build etcd go.etcd.io/etcd/server/v3
build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
build kubectl k8s.io/kubernetes/cmd/kubectl
build helm helm.sh/helm/v4/cmd/helm
printf 'kube assets: %s\n' "$target"
