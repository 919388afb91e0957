package sources

import (
	"net/url"
	"slices"
	"strings"
)

// indexMirrors are public mirrors of the default index, and its host of before, as requirements files of many projects name them;
// hosts are reversed as in [origin].
var indexMirrors = []string{
	"org.pypi", "org.python.pypi", "cn.edu.tsinghua.tuna.pypi", "cn.edu.tsinghua.tuna.mirrors", "com.aliyun.mirrors", "com.douban.pypi",
	"com.doubanio.pypi", "cn.edu.ustc.mirrors", "cn.edu.ustc.mirrors.pypi", "com.tencent.cloud.mirrors", "com.tencentyun.mirrors",
	"com.huaweicloud.repo", "com.huaweicloud.mirrors", "com.hustunique.pypi", "cn.edu.hust.mirrors", "cn.edu.sjtu.mirror", "cn.edu.bfsu.mirrors",
	"cn.edu.sustech.mirrors", "cn.edu.nju.mirror", "cn.edu.zju.mirrors", "cn.edu.pku.mirrors", "org.sdutlinux.pypi", "com.163.mirrors", "com.baidu.mirror",
	"jp.ac.jaist.ftp", "com.kakao.mirror", "com.daumkakao.mirror",
}

// IsDefaultIndex tells whether an address is that of the default index or of a public mirror of all of it: what such an address says is where
// a machine asks, and no other packages come from there.
func IsDefaultIndex(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	labels := strings.Split(strings.ToLower(u.Hostname()), ".")
	slices.Reverse(labels)
	path := strings.TrimRight(u.Path, "/")
	return slices.Contains(indexMirrors, strings.Join(labels, ".")) && (strings.HasSuffix(path, "/simple") || strings.HasSuffix(path, "/pypi"))
}
