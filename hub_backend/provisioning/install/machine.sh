#!/bin/sh
# Installs or renews this machine from its bundle: sudo sh install.sh [WHEEL]
#
# WHEEL is a buurtrit wheel, or nothing to take the release from the package index. Run it again after the bundle
# changed: settings that were edited here stay, certificates and keys are taken over, the service is started anew.
set -eu
cd "$(dirname "$0")"
[ "$(id -u)" = 0 ] || { echo "install.sh: must run as root (sudo sh install.sh)" >&2; exit 1; }
what="${1:-buurtrit}"
. ./install.conf  # role, packages, kept (taken over each time), settings (written once)

export DEBIAN_FRONTEND=noninteractive
apt-get install --yes --quiet $packages >/dev/null
getent passwd buurtrit >/dev/null || useradd --system --home-dir /var/lib/buurtrit --shell /usr/sbin/nologin buurtrit

[ -x /opt/buurtrit/bin/python ] || python3 -m venv /opt/buurtrit
/opt/buurtrit/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "$what[$role]"

install -d -o root -g buurtrit -m 0750 /etc/buurtrit
for file in $kept; do
    install -o root -g buurtrit -m 0640 "$file" "/etc/buurtrit/$file"
done
[ -e "/etc/buurtrit/$settings" ] || install -o root -g buurtrit -m 0640 "$settings" "/etc/buurtrit/$settings"

unit="buurtrit-$role"
install -m 0644 "$unit.service" "/etc/systemd/system/$unit.service"
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl enable --quiet "$unit"
    systemctl restart "$unit"
    systemctl --no-pager --lines=0 status "$unit"
else
    systemctl enable --quiet "$unit"
    echo "installed; it starts when this machine does"
fi
