# Runs in the root that rpm-root.sh puts together, /build/debian holding Debian's Apache: configures rpm, dnf and zypper
# there as Fedora and openSUSE have them, and builds their repository, /srv/rpm. The packages have the names and the
# layout of those distributions, and are small: a web server that serves, and empty ones.
set -eu
cd /build

# Debian's own is in the home of whoever calls.
mkdir -p /etc/rpm /etc/yum.repos.d /etc/zypp/repos.d /srv/rpm
echo '%_dbpath /var/lib/rpm' >/etc/rpm/macros
printf '[main]\ngpgcheck=True\nclean_requirements_on_remove=True\nbest=True\n' >/etc/dnf/dnf.conf
# Signed, with a key that dnf takes on first use, as Fedora's is.
cat >/etc/yum.repos.d/lab.repo <<'END'
[lab]
name=lab
baseurl=file:///srv/rpm
gpgcheck=1
gpgkey=file:///srv/rpm/key
END
# As it is for some minutes after each look at a repository: it is not looked at again.
printf '[lab]\nname=lab\nenabled=1\nautorefresh=0\nbaseurl=dir:/srv/rpm\ngpgcheck=0\n' >/etc/zypp/repos.d/lab.repo

package() { # name, what it requires, another header, a script and when it runs; its files are those of the folder of its name
  name=$1
  mkdir -p "$name"
  (cd "$name" && find . -mindepth 1 \( ! -type d -o -empty \)) |
    sed 's/^\.//; /^\/etc\/.*\./s/^/%config(noreplace) /' >"$name.files"
  cat >"$name.spec" <<END
%define debug_package %{nil}
%define __os_install_post %{nil}
Name: $name
Version: 1
Release: 1
Summary: $name
License: Apache-2.0
AutoReqProv: no
${2:+Requires: $2}
${3-}
%description
For tests.
${4-}
${5-}
%install
mkdir -p %{buildroot}
cp -a /build/$name/. %{buildroot}
%files $([ ! -s "$name.files" ] || echo "-f /build/$name.files")
END
  rpmbuild --quiet -bb --define '_rpmdir /srv/rpm' --define '_topdir /build/rpmbuild' "$name.spec"
}

# The library, and the server of both distributions.
libraries=$(cd debian && echo usr/lib/*-linux-gnu)
mkdir -p apr/"$libraries" httpd-core/usr/libexec httpd-core/usr/lib64/httpd
cp -a debian/"$libraries"/libapr*.so.* apr/"$libraries"
cp debian/usr/sbin/apache2 httpd-core/usr/libexec/httpd
mkdir httpd-core/usr/lib64/httpd/modules
for module in mpm_event alias authz_core dir setenvif; do
  cp "debian/usr/lib/apache2/modules/mod_$module.so" httpd-core/usr/lib64/httpd/modules
done
server() { # package, folder of its configuration, its main file, its process id's file, what else is in the main file
  mkdir -p "$1/usr/sbin" "$1$2" "$1/var/www/html" "$1/var/log/$1"
  for module in mpm_event alias authz_core dir setenvif; do
    echo "LoadModule ${module}_module /usr/lib64/httpd/modules/mod_$module.so"
  done >"$1$2/$3"
  cat >>"$1$2/$3" <<END
ServerRoot $2
PidFile $4
User nobody
Group nogroup
ErrorLog /var/log/$1/error_log
DocumentRoot /var/www/html
LogFormat "%h %l %u %t \"%r\" %>s %b" common
$5
END
}
server httpd /etc/httpd conf.conf /run/httpd/httpd.pid 'Listen 80
IncludeOptional conf.d/*.conf'
mkdir -p httpd/etc/httpd/conf httpd/etc/httpd/conf.d httpd/run/httpd
mv httpd/etc/httpd/conf.conf httpd/etc/httpd/conf/httpd.conf
printf '#!/bin/sh\nexec /usr/libexec/httpd -d /etc/httpd -f conf/httpd.conf "$@"\n' >httpd/usr/sbin/httpd
server apache2 /etc/apache2 httpd.conf /run/httpd.pid 'Include listen.conf
IncludeOptional conf.d/*.conf
IncludeOptional vhosts.d/*.conf'
echo 'Listen 80' >apache2/etc/apache2/listen.conf
mkdir -p apache2/etc/apache2/conf.d apache2/etc/apache2/vhosts.d
cat >apache2/usr/sbin/apachectl <<'END'
#!/bin/sh
case $1 in
  -*) ;;
  *) set -- -k "$@" ;;
esac
exec /usr/libexec/httpd -d /etc/apache2 -f httpd.conf "$@"
END
chmod 755 httpd/usr/sbin/httpd apache2/usr/sbin/apachectl

package apr
package httpd-core apr
package httpd httpd-core 'Recommends: mod_recommended'
package apache2 httpd-core
package nfs-utils libnfsidmap
package nfs-client libnfsidmap
package libnfsidmap a-package-whose-name-fills-a-line-of-a-table-alone
package a-package-whose-name-fills-a-line-of-a-table-alone
package mod_recommended
# What somebody else installs.
package other-site httpd-core
package other-program apr
# Which comes and is not right, which does not come, and which takes as long as nobody writes into the pipe.
package lame '' '' %post 'exit 1'
package broken '' '' %pre 'exit 1'
package slow '' '' %pre 'echo comes >/run/slow-begun; read -r _ </run/slow'
# Without any package the database is not one that zypper can read; and its release is what dnf asks for.
package release '' 'Provides: system-release = 1, /bin/sh'

cat >key.parameters <<'END'
%no-protection
Key-Type: RSA
Key-Length: 2048
Name-Real: lab
%commit
END
gpg --quiet --batch --generate-key key.parameters
gpg --quiet --armor --export lab >/srv/rpm/key
find /srv/rpm -name '*.rpm' -exec rpm --define '__gpg /usr/bin/gpg' --define '_gpg_name lab' --addsign {} + >/dev/null
createrepo_c -q /srv/rpm
rpm -U --force-debian /srv/rpm/*/release-1-1.*.rpm
