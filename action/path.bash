# Take out of PATH what is relative or in the workspace: a pull request can bring any program.
# Only bash itself runs here.

_outside_of_workspace() {
  local CDPATH='' IFS=: directory real top kept='' tops=("$PWD" "${GITHUB_WORKSPACE:-$PWD}")
  set -f
  for directory in $PATH; do
    if [[ $directory != /* ]] || ! real=$(cd -P -- "$directory" 2>/dev/null && pwd -P); then
      continue
    fi
    for top in "${tops[@]}"; do
      top=$(cd -P -- "$top" 2>/dev/null && pwd -P) || continue
      if [[ $top != / && $real/ == "$top"/* ]]; then
        continue 2
      fi
    done
    kept+=${kept:+:}$directory
  done
  set +f
  PATH=${kept:-/usr/bin:/bin}
}
_outside_of_workspace
