#include "images/builder/attest/spdx.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include "base/build_info.h"
#include "base/fd.h"
#include "base/identity.h"
#include "images/builder/attest/package_list.h"

namespace stack::builder {

namespace {

constexpr const char* kNoAssertion = "NOASSERTION";
constexpr const char* kImageId = "SPDXRef-Image";

// Letters, digits, "." and "-" only.
std::string spdx_id(std::string_view prefix, std::string_view text) {
  std::string out = "SPDXRef-" + std::string(prefix) + "-";
  for (char c : text) {
    bool plain =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '-';
    out += plain ? c : '-';
  }
  // Different names may become equal.
  return out + "-" + sha256_hex(text).substr(0, 12);
}

// "2026-01-02T03:04:05Z": the document's times have no fractions.
std::string whole_seconds(const std::string& time) {
  size_t dot = time.find('.');
  return dot == std::string::npos ? time : time.substr(0, dot) + "Z";
}

Json relationship(const char* from, const char* type, const std::string& to) {
  return {{"spdxElementId", from}, {"relationshipType", type}, {"relatedSpdxElement", to}};
}

Json checksum(const char* algorithm, const std::string& value) {
  return {{"algorithm", algorithm}, {"checksumValue", value}};
}

Json package_json(const InstalledPackage& package, const std::string& purl) {
  Json out{{"name", package.name},
           {"SPDXID", spdx_id("Package", purl)},
           {"versionInfo", package.version},
           {"downloadLocation", kNoAssertion},
           {"filesAnalyzed", false},
           {"supplier", package.supplier.empty() ? kNoAssertion : "Person: " + package.supplier},
           {"licenseConcluded", kNoAssertion},
           {"licenseDeclared", kNoAssertion},
           {"copyrightText", kNoAssertion},
           {"externalRefs", Json::array({Json{{"referenceCategory", "PACKAGE-MANAGER"},
                                              {"referenceType", "purl"},
                                              {"referenceLocator", purl}}})}};
  if (!package.homepage.empty()) out["homepage"] = package.homepage;
  // Databases state licenses in their own words, which need not be expressions of SPDX.
  if (!package.license.empty()) out["licenseComments"] = "stated by the package: " + package.license;
  if (!package.source.empty()) out["sourceInfo"] = "built from the source package " + package.source;
  return out;
}

class Sha1 {
 public:
  Sha1() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), EVP_sha1(), nullptr);
  }
  void update(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string finish_hex() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), digest, &size);
    std::string out;
    constexpr char kDigits[] = "0123456789abcdef";
    for (unsigned i = 0; i < size; ++i) out += {kDigits[digest[i] >> 4], kDigits[digest[i] & 15]};
    return out;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
};

// File names are bytes, JSON strings are Unicode: other bytes become "\xNN".
std::string shown_path(std::string_view path) {
  Json probe = std::string(path);
  std::string text = probe.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.find("\xef\xbf\xbd") == std::string::npos) return std::string(path);
  std::string out;
  constexpr char kDigits[] = "0123456789abcdef";
  for (char c : path) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

Result<Json> file_json(const images::LayerView& view, const images::ViewEntry& entry) {
  TRY_ASSIGN(Fd file, view.open_entry(entry, O_RDONLY));
  Sha1 sha1;
  Sha256 sha256;
  std::string buffer(size_t{1} << 18, '\0');
  for (;;) {
    ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::last_errno("read " + entry.path);
    if (n == 0) break;
    std::string_view bytes(buffer.data(), static_cast<size_t>(n));
    sha1.update(bytes);
    sha256.update(bytes);
  }
  return Json{{"fileName", "/" + shown_path(entry.path)},
              {"SPDXID", spdx_id("File", shown_path(entry.path))},
              {"checksums",
               Json::array({checksum("SHA1", sha1.finish_hex()), checksum("SHA256", sha256.finish_hex())})},
              {"licenseConcluded", kNoAssertion},
              {"copyrightText", kNoAssertion}};
}

Result<Json> list_files(const images::LayerView& view) {
  Json out = Json::array();
  std::vector<std::string> open{""};
  while (!open.empty()) {
    std::string directory = std::move(open.back());
    open.pop_back();
    TRY_ASSIGN(std::vector<images::ViewEntry> entries, view.list(directory));
    for (const images::ViewEntry& entry : entries) {
      if (S_ISDIR(entry.info.st_mode)) open.push_back(entry.path);
      if (!S_ISREG(entry.info.st_mode)) continue;
      TRY_ASSIGN(Json file, file_json(view, entry));
      out.push_back(std::move(file));
    }
  }
  return out;
}

Json image_package(const SbomSubject& subject) {
  return {{"name", subject.name},
          {"SPDXID", kImageId},
          {"versionInfo", subject.digest},
          {"downloadLocation", kNoAssertion},
          {"filesAnalyzed", false},
          {"licenseConcluded", kNoAssertion},
          {"licenseDeclared", kNoAssertion},
          {"copyrightText", kNoAssertion},
          {"primaryPackagePurpose", "CONTAINER"},
          {"checksums", Json::array({checksum("SHA256", subject.digest.substr(7))})}};
}

}  // namespace

Result<Json> make_sbom(const images::LayerView& view, const SbomSubject& subject) {
  TRY_ASSIGN(PackageList list, list_packages(view));
  Json packages = Json::array({image_package(subject)});
  Json relationships = Json::array({relationship("SPDXRef-DOCUMENT", "DESCRIBES", kImageId)});
  for (const InstalledPackage& package : list.packages) {
    packages.push_back(package_json(package, package_purl(package, list.distribution)));
    relationships.push_back(relationship(kImageId, "CONTAINS", string_or(packages.back(), "SPDXID")));
  }
  Json files = Json::array();
  if (!list.has_database) {
    TRY_ASSIGN(files, list_files(view));
  }
  for (const Json& file : files)
    relationships.push_back(relationship(kImageId, "CONTAINS", string_or(file, "SPDXID")));
  std::string hex = subject.digest.substr(7);
  Json out{{"spdxVersion", "SPDX-2.3"},
           {"dataLicense", "CC0-1.0"},
           {"SPDXID", "SPDXRef-DOCUMENT"},
           {"name", subject.name},
           {"documentNamespace", "https://spdx.org/spdxdocs/image-" + hex},
           {"creationInfo",
            {{"created", whole_seconds(subject.created)},
             {"creators", Json::array({"Tool: stack-" + std::string(build_info().version)})}}},
           {"packages", std::move(packages)},
           {"relationships", std::move(relationships)}};
  if (!list.has_database) {
    out["comment"] = "the image has no database of dpkg or apk: its files are listed instead";
    out["files"] = std::move(files);
  }
  return out;
}

}  // namespace stack::builder
