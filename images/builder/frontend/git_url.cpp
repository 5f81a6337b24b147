#include "images/builder/frontend/git_url.h"

#include <algorithm>
#include <cctype>

#include "base/files.h"
#include "base/text.h"

namespace stack::builder {

namespace {

// user@host:path, with the usual characters of user and host names.
bool is_scp_form(std::string_view text) {
  size_t at = text.find('@');
  size_t colon = text.find(':');
  if (at == 0 || at == std::string_view::npos || colon == std::string_view::npos || colon < at) return false;
  if (text.substr(colon).starts_with("://") || colon + 1 == text.size()) return false;
  return std::all_of(text.begin(), text.begin() + static_cast<ptrdiff_t>(colon), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("@._-").find(c) != std::string_view::npos;
  });
}

Result<bool> git_flag(const std::string& key, const std::string& value) {
  if (value.empty() || value == "1" || value == "true") return true;
  if (value == "0" || value == "false") return false;
  return invalid("invalid value for " + key + ": " + value);
}

bool is_hexadecimal(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Result<> set_query(GitUrl& out, const std::string& key, const std::string& value) {
  if (key == "ref") {
    out.ref = value;
  } else if (key == "branch") {
    out.ref = "refs/heads/" + value;
  } else if (key == "tag") {
    out.ref = "refs/tags/" + value;
  } else if (key == "commit" || key == "checksum") {
    if (!is_hexadecimal(value)) return invalid(key + " must be hexadecimal: " + value);
    out.checksum = value;
    if (out.ref.empty() && value.size() == 40) out.ref = value;
  } else if (key == "subdir") {
    out.subdir = value;
  } else if (key == "submodules") {
    TRY_ASSIGN(out.submodules, git_flag(key, value));
  } else if (key == "keep-git-dir") {
    TRY_ASSIGN(out.keep_git_dir, git_flag(key, value));
  } else {
    return invalid("unexpected query key \"" + key + "\"");
  }
  return {};
}

// A repository or reference must not be taken for an option of git's command line.
Result<> check_git_url(const GitUrl& url) {
  if (url.remote.starts_with('-')) return invalid("not a repository: " + url.remote);
  bool bad = url.ref.starts_with('-') || url.ref.find("..") != std::string::npos;
  for (char c : url.ref)
    bad = bad || static_cast<unsigned char>(c) <= ' ' ||
          std::string_view("~^:?*[\\").find(c) != std::string_view::npos;
  if (bad) return invalid("not a git reference: " + url.ref);
  return {};
}

}  // namespace

bool is_http_url(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

Result<std::optional<GitUrl>> parse_git_url(std::string_view text) {
  std::string_view address = text.substr(0, text.find('#'));
  std::string_view fragment =
      address.size() < text.size() ? text.substr(address.size() + 1) : std::string_view();
  size_t question = address.find('?');
  std::string_view query =
      question == std::string_view::npos ? std::string_view() : address.substr(question + 1);
  address = address.substr(0, question);
  bool is_git = address.starts_with("git://") || address.starts_with("ssh://") || is_scp_form(address) ||
                (is_http_url(address) && address.ends_with(".git"));
  if (!is_git) return std::optional<GitUrl>();
  GitUrl out;
  out.remote = std::string(address);
  size_t colon = fragment.find(':');
  out.ref = std::string(fragment.substr(0, colon));
  if (colon != std::string_view::npos) out.subdir = std::string(fragment.substr(colon + 1));
  if (!query.empty()) {
    if (!fragment.empty())
      return invalid(std::string(text) + ": a fragment and a query cannot be used together");
    for (const std::string& pair : split(query, '&')) {
      size_t equals = pair.find('=');
      TRY(set_query(out, pair.substr(0, equals), equals == std::string::npos ? "" : pair.substr(equals + 1))
              .in(std::string(address)));
    }
  }
  out.subdir = clean_path("/" + out.subdir).substr(1);
  TRY(check_git_url(out));
  return std::optional<GitUrl>(std::move(out));
}

bool is_remote_url(std::string_view text) {
  if (is_http_url(text) || text.starts_with("ftp://") || text.starts_with("git://") ||
      text.starts_with("ssh://"))
    return true;
  Result<std::optional<GitUrl>> git = parse_git_url(text);
  return !git || git->has_value();
}

}  // namespace stack::builder
