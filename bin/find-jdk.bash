# Sourced by the scripts beside it: sets jdk to the home of a JDK 25 and jdk_version to its full
# version, or ends with one line saying what to do.

# Whether the folder $1 is a JDK 25; its release file is read, no process started.
is_jdk_25() {
  local line feature='' full='' implementor=''
  [[ -x $1/bin/javac && -r $1/release ]] || return 1
  while IFS= read -r line; do
    line=${line//\"/}
    case $line in
      JAVA_VERSION=*) feature=${line#*=} && feature=${feature%%[!0-9]*} ;;
      JAVA_RUNTIME_VERSION=*) full=${line#*=} ;;
      IMPLEMENTOR=*) implementor=${line#*=} ;;
    esac
  done <"$1/release"
  [[ $feature == 25 ]] || return 1
  jdk_version=$full-${implementor//[!A-Za-z0-9]/}
}

find_jdk() {
  local home
  for home in \
    "${JAVA_HOME:-}" \
    /usr/lib/jvm/* \
    /Library/Java/JavaVirtualMachines/*/Contents/Home \
    "${HOME:-}"/Library/Java/JavaVirtualMachines/*/Contents/Home \
    /opt/homebrew/opt/openjdk@25/libexec/openjdk.jdk/Contents/Home \
    /opt/homebrew/opt/openjdk/libexec/openjdk.jdk/Contents/Home \
    /usr/local/opt/openjdk@25/libexec/openjdk.jdk/Contents/Home \
    "${HOME:-}"/.sdkman/candidates/java/* \
    "${HOME:-}"/.jdks/* \
    "${HOME:-}"/.asdf/installs/java/* \
    "${HOME:-}"/.local/share/mise/installs/java/* \
    /usr/java/* /opt/java/* /opt/jdk* /usr/local/jdk* /usr/local/java/*; do
    if [[ -n $home ]] && is_jdk_25 "$home"; then
      jdk=$home
      return
    fi
  done
  if home=$(command -v javac 2>/dev/null) && home=$(realpath "$home" 2>/dev/null) && is_jdk_25 "${home%/bin/javac}"; then
    jdk=${home%/bin/javac}
    return
  fi
  echo "error: ${0##*/}: expected a JDK 25, found none in JAVA_HOME (${JAVA_HOME:-unset}), on the PATH or in the usual places; install one (for example Temurin 25 from https://adoptium.net) or set JAVA_HOME to it" >&2
  exit 1
}
