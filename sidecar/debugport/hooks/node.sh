#!/bin/sh
# Stands before node, since a command may set NODE_OPTIONS itself.
case "$NODE_OPTIONS" in
*"$NHCTL_DEBUG_DIR"*) ;;
*) export NODE_OPTIONS="--inspect-publish-uid=http --require $NHCTL_DEBUG_DIR/hook.cjs $NODE_OPTIONS" ;;
esac
before=$IFS
IFS=:
for dir in $PATH; do
  if [ "$dir" != "$NHCTL_DEBUG_DIR/bin" ] && [ -f "$dir/node" ] && [ -x "$dir/node" ]; then
    IFS=$before
    exec "$dir/node" "$@"
  fi
done
echo "node: not found in $PATH" >&2
exit 127
