// `stack login` and `stack logout`.
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "cli/flags/commands.h"
#include "cli/render/output.h"
#include "cli/session/credential_store.h"
#include "cli/session/session.h"
#include "docker/registry_auth.h"

namespace stack::cli {

namespace {

constexpr Flag kLoginFlags[] = {
    {'u', "username", FlagArity::Value, "NAME", "User name"},
    {'p', "password", FlagArity::Value, "PASSWORD",
     "Password or token; others can see it in the process list"},
    {0, "password-stdin", FlagArity::Nothing, "", "Read the password from stdin"},
};
constexpr Example kLoginExamples[] = {
    {"stack login", "log in to Docker Hub"},
    {"stack login ghcr.io -u me --password-stdin < token", "log in to another registry"},
};
constexpr Example kLogoutExamples[] = {{"stack logout ghcr.io", "remove the credentials"}};

// Turns echo off until destruction.
class QuietTerminal {
 public:
  explicit QuietTerminal(int fd) : fd_(fd) {
    on_ = ::tcgetattr(fd_, &before_) == 0;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    if (on_) ::tcsetattr(fd_, TCSAFLUSH, &quiet);
  }
  ~QuietTerminal() {
    if (on_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
  }
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;

 private:
  int fd_;
  bool on_ = false;
  termios before_{};
};

// Reads single bytes, so that the rest of the input stays for the next reader.
std::string read_line() {
  std::string out;
  char c = 0;
  while (out.size() < 4096 && ::read(STDIN_FILENO, &c, 1) == 1 && c != '\n') out += c;
  if (out.ends_with('\r')) out.pop_back();
  return out;
}

Result<std::string> prompt_for(const char* prompt, bool secret) {
  if (::isatty(STDIN_FILENO) == 0)
    return Error("Error: Cannot perform an interactive login from a non TTY device");
  (void)write_all(STDERR_FILENO, prompt);
  if (!secret) return read_line();
  QuietTerminal quiet(STDIN_FILENO);
  std::string out = read_line();
  (void)write_all(STDERR_FILENO, "\n");
  return out;
}

Result<std::string> password_of(const Arguments& arguments) {
  if (!arguments.is_set("password-stdin")) {
    if (std::optional<std::string> given = arguments.find("password")) return *given;
    return prompt_for("Password: ", true);
  }
  TRY_ASSIGN(std::string text, read_all(STDIN_FILENO, 64 * 1024));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

Result<RegistryCredentials> credentials_of(const Arguments& arguments) {
  RegistryCredentials out;
  out.username = arguments.text("username");
  if (arguments.is_set("password-stdin") && out.username.empty())
    return invalid("--password-stdin requires --username");
  if (out.username.empty()) {
    TRY_ASSIGN(out.username, prompt_for("Username: ", false));
  }
  TRY_ASSIGN(out.password, password_of(arguments));
  if (out.username.empty() || out.password.empty())
    return invalid("user name and password must not be empty");
  return out;
}

std::string registry_of(const Arguments& arguments) {
  return arguments.words.empty() ? "docker.io" : registry_key(arguments.words[0]);
}

Result<int> run_login(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  if (arguments.given("password") && arguments.is_set("password-stdin"))
    return session.usage_error("--password and --password-stdin cannot be used together");
  std::string registry = registry_of(arguments);
  TRY_ASSIGN(RegistryCredentials credentials, credentials_of(arguments));
  TRY_ASSIGN(Json answer,
             session.call("POST", "/auth", docker::to_json(credentials, server_address(registry))));
  if (std::string token = string_or(answer, "IdentityToken"); !token.empty()) {
    credentials.identity_token = token;
    credentials.password.clear();
  }
  CredentialStore store = CredentialStore::open(session.environment());
  TRY_ASSIGN(std::string place, store.save(registry, credentials));
  if (place.starts_with('/'))
    print_message("warning: the password is stored unencrypted in " + place +
                  "; use a credential helper to protect it");
  print_line("Login Succeeded");
  return 0;
}

Result<int> run_logout(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  std::string registry = registry_of(arguments);
  CredentialStore store = CredentialStore::open(session.environment());
  TRY_ASSIGN(bool found, store.erase(registry));
  print_line((found ? "Removing login credentials for " : "Not logged in to ") + registry);
  return 0;
}

}  // namespace

const Command kLogin{
    .name = "login",
    .aliases = {},
    .group = Group::Images,
    .usage = "[OPTIONS] [REGISTRY]",
    .summary = "Log in to a registry",
    .details =
        "Without a name: Docker Hub. The credentials go to the credential helper that Docker's config.json "
        "names,\n"
        "or into that file itself.",
    .examples = kLoginExamples,
    .flags = kLoginFlags,
    .most_words = 1,
    .run = run_login,
};

const Command kLogout{
    .name = "logout",
    .aliases = {},
    .group = Group::Images,
    .usage = "[REGISTRY]",
    .summary = "Remove a registry's credentials",
    .details = "",
    .examples = kLogoutExamples,
    .flags = {},
    .most_words = 1,
    .run = run_logout,
};

}  // namespace stack::cli
