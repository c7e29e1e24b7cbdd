/* A PKCS#11 module that passes every call on to the module named by FAULTY_MODULE, unless the file named by FAULTY_PLAN
 * says "<function> <what> <times>": then that many calls of the function go wrong. What: a return code in hexadecimal,
 * or one of close (all sessions are closed behind the caller's back), crash, empty, flip, hang, long, short, slow (two seconds). With
 * "C_OpenSession limit <n>" every process has at most n sessions. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long word;
typedef word (*any)();
struct list { unsigned char version[2]; any function[68]; };

enum { OPEN_SESSION = 12, CLOSE_ALL = 14, LOGIN = 18, ATTRIBUTE = 24, FIND_INIT = 26, FIND = 27, SIGN_INIT = 42, SIGN = 43,
       GENERATE = 59 };

static struct list *real, mine;
static word slot;

static int goes_wrong(const char *function, char *what)
{
    char name[32];
    int times = 0;
    FILE *plan = fopen(getenv("FAULTY_PLAN"), "r+");
    if (!plan) return 0;
    int wrong = fscanf(plan, "%31s %31s %d", name, what, &times) == 3 && !strcmp(name, function) && times > 0;
    if (wrong) { rewind(plan); fprintf(plan, "%s %s %d   \n", name, what, times - 1); }
    fclose(plan);
    if (!wrong) return 0;
    if (!strcmp(what, "crash")) abort();
    if (!strcmp(what, "hang")) for (;;) pause();
    if (!strcmp(what, "slow")) { sleep(2); return 0; }
    if (!strcmp(what, "close")) { real->function[CLOSE_ALL](slot); return 0; }
    return 1;
}

#define FAIL(function) char what[32]; if (goes_wrong(function, what)) return strtoul(what, 0, 16)

static word open_session(word s, word f, void *a, void *n, word *h)
{
    static int opened;
    int limit = 0;
    FILE *plan = fopen(getenv("FAULTY_PLAN"), "r");
    int limited = plan && fscanf(plan, "C_OpenSession limit %d", &limit) == 1;
    if (plan) fclose(plan);
    if (limited) return opened++ < limit ? real->function[OPEN_SESSION](s, f, a, n, h) : 0xb1;
    FAIL("C_OpenSession"); slot = s; return real->function[OPEN_SESSION](s, f, a, n, h); }
static word login(word s, word u, void *p, word n)
{ FAIL("C_Login"); return real->function[LOGIN](s, u, p, n); }
static word attribute(word s, word o, void *t, word n)
{ FAIL("C_GetAttributeValue"); return real->function[ATTRIBUTE](s, o, t, n); }
static word find_init(word s, void *t, word n)
{ FAIL("C_FindObjectsInit"); return real->function[FIND_INIT](s, t, n); }
static word find(word s, word *o, word m, word *n)
{ FAIL("C_FindObjects"); return real->function[FIND](s, o, m, n); }
static word sign_init(word s, void *m, word k)
{ FAIL("C_SignInit"); return real->function[SIGN_INIT](s, m, k); }
static word sign(word s, unsigned char *d, word n, unsigned char *out, word *length)
{
    char what[32];
    int wrong = goes_wrong("C_Sign", what);
    int code = wrong && !strncmp(what, "0x", 2);
    if (code) return strtoul(what, 0, 16);
    word status = real->function[SIGN](s, d, n, out, length);
    if (wrong && !strcmp(what, "empty")) *length = 0;
    if (wrong && !strcmp(what, "flip")) out[*length - 1] ^= 1;
    if (wrong && !strcmp(what, "long")) *length += 100000;
    if (wrong && !strcmp(what, "short")) *length -= 1;
    return status;
}

static word generate(word s, void *m, void *p, word pn, void *q, word qn, word *a, word *b)
{ FAIL("C_GenerateKeyPair"); return real->function[GENERATE](s, m, p, pn, q, qn, a, b); }

word C_GetFunctionList(struct list **out)
{
    if (!real) {
        void *module = dlopen(getenv("FAULTY_MODULE"), RTLD_NOW);
        any get = module ? (any)dlsym(module, "C_GetFunctionList") : 0;
        if (!get || get(&real)) return 5;
        mine = *real;
        mine.function[OPEN_SESSION] = (any)open_session;
        mine.function[LOGIN] = (any)login;
        mine.function[ATTRIBUTE] = (any)attribute;
        mine.function[FIND_INIT] = (any)find_init;
        mine.function[FIND] = (any)find;
        mine.function[SIGN_INIT] = (any)sign_init;
        mine.function[SIGN] = (any)sign;
        mine.function[GENERATE] = (any)generate;
    }
    *out = &mine;
    return 0;
}
