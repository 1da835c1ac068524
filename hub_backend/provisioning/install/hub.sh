#!/bin/sh
# Installs or renews the hub's backend from its bundle: sudo sh install.sh [WHEEL]
#
# WHEEL is a buurtrit wheel, or nothing to take the release from the package index. Run it again after the bundle
# changed: hub.toml stays as it was edited here, who may speak and the certificates are taken over.
set -eu
cd "$(dirname "$0")"
[ "$(id -u)" = 0 ] || { echo "install.sh: must run as root (sudo sh install.sh)" >&2; exit 1; }
what="${1:-buurtrit}"

export DEBIAN_FRONTEND=noninteractive
apt-get install --yes --quiet python3-venv >/dev/null
getent passwd buurtrit >/dev/null || useradd --system --home-dir /var/lib/buurtrit --shell /usr/sbin/nologin buurtrit

[ -x /opt/buurtrit/bin/python ] || python3 -m venv /opt/buurtrit
/opt/buurtrit/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "$what[hub]"

install -d -o root -g buurtrit -m 0750 /etc/buurtrit
for file in gateways.toml ca.pem cert.pem key.pem; do
    install -o root -g buurtrit -m 0640 "$file" "/etc/buurtrit/$file"
done
[ -e /etc/buurtrit/hub.toml ] || install -o root -g buurtrit -m 0640 hub.toml /etc/buurtrit/hub.toml

install -m 0644 buurtrit-hub.service /etc/systemd/system/buurtrit-hub.service
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl enable --quiet buurtrit-hub
    systemctl restart buurtrit-hub
    systemctl --no-pager --lines=0 status buurtrit-hub
else
    systemctl enable --quiet buurtrit-hub
    echo "installed; it starts when this machine does"
fi
