/**
 * What runs in a proxy's container: nginx, and beside it a loop that notices a new version of the mounted configuration.
 * A version is copied, tried with nginx' own test, and only then put in use; one that fails leaves the last good one. Old
 * workers finish what they have begun. The container ends when nginx does, and nginx lets go gracefully when it is told to.
 */
export const MOUNTED = "/etc/berth-ingress";
export const IN_USE = "/run/berth-ingress";

/** For any POSIX shell: official nginx images have dash, Berth's own busybox. */
export const PROXY_SCRIPT = `
set -u
mounted=${MOUNTED} in_use=${IN_USE} nginx= version= tried=
workers=$(nproc 2>/dev/null || echo 1)
[ "$workers" -le 4 ] || workers=4
settings="daemon off; pid $in_use/nginx.pid; worker_processes $workers;"
say() { echo "berth-ingress: $*" >&2; }

# Copies the version and tries it. Fails when it is already on its way out: the next round takes the one after.
prepare() {
  rm -rf "$in_use/next" && mkdir "$in_use/next" && cp "$mounted/$1"/* "$in_use/next/" || return 1
  tried=$1
  nginx -t -q -g "$settings" -c "$in_use/next/nginx.conf" && return 0
  say "version $1 is refused, the last good one stays in use"
  return 1
}

take() {
  prepare "$1" || return 0
  rm -rf "$in_use/last"
  [ ! -d "$in_use/current" ] || mv "$in_use/current" "$in_use/last"
  mv "$in_use/next" "$in_use/current"
  version=$1
  if [ -n "$nginx" ]; then
    nginx -g "$settings" -c "$in_use/current/nginx.conf" -s reload && say "version $1 is in use"
  else
    nginx -g "$settings" -c "$in_use/current/nginx.conf" &
    nginx=$!
    say "started with version $1"
  fi
}

leave() {
  [ -z "$nginx" ] || { kill -QUIT "$nginx"; wait "$nginx"; }
  exit 0
}
trap leave TERM INT

rm -rf "$in_use/current" "$in_use/next" "$in_use/last"
while [ -z "$nginx" ] || kill -0 "$nginx" 2>/dev/null; do
  now=$(readlink "$mounted/..data")
  [ "$now" = "$version" ] || [ "$now" = "$tried" ] || take "$now"
  sleep 0.5 &
  wait $!
done
wait "$nginx"
`.trimStart();
