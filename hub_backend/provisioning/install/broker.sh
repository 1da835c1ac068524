#!/bin/sh
# Gives Debian's mosquitto its certificates, its rights and its sizes: sudo sh install.sh
#
# Run it again after the bundle changed. mosquitto is started anew: that ends the connection of whoever was revoked.
set -eu
cd "$(dirname "$0")"
[ "$(id -u)" = 0 ] || { echo "install.sh: must run as root (sudo sh install.sh)" >&2; exit 1; }

export DEBIAN_FRONTEND=noninteractive
apt-get install --yes --quiet mosquitto >/dev/null
plugin="$(find /usr/lib -type f -name mosquitto_dynamic_security.so | head -n 1)"  # not our own link to it
[ -n "$plugin" ] || { echo "install.sh: this mosquitto has no dynamic security plugin (2.0 or newer has)" >&2; exit 1; }
ln -sfn "$plugin" /usr/lib/mosquitto_dynamic_security.so

install -d -o root -g mosquitto -m 0750 /etc/mosquitto/buurtrit
for file in ca.pem revoked.pem cert.pem key.pem access.json; do
    install -o root -g mosquitto -m 0640 "$file" "/etc/mosquitto/buurtrit/$file"
done
install -m 0644 buurtrit.conf /etc/mosquitto/conf.d/buurtrit.conf
if [ -d /run/systemd/system ]; then
    systemctl enable --quiet mosquitto
    systemctl restart mosquitto
    systemctl --no-pager --lines=0 status mosquitto
else
    echo "installed; mosquitto starts when this machine does"
fi
