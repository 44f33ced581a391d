#include "tests/sim/sim_redis_scripts.h"

#include <assert.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/planted.h"
#include "tests/sim/sim_sha1.h"

#define SCRIPTS_MAX   16
#define ARGUMENTS_MAX 8000 /* of one redis.call: what Lua's stack takes */

struct script {
    char hash[SIM_HASH_SIZE + 1];
    int function; /* in Lua's registry */
    bool known;   /* was loaded since the server started */
};

struct sim_scripts {
    lua_State *lua;
    struct script scripts[SCRIPTS_MAX];
    uint32_t count;
    struct buffer answer; /* of the command that a script calls */
    /* The script that runs. */
    const struct sim_command_call *call;
    const struct sim_refusals *refusals;
    bool has_written;
};

/* ---- a command's answer as a value of Lua */

static size_t line_end(const char *at) {
    return (size_t)(strchr(at, '\r') - at);
}

/* Pushes the answer that begins at `at`, and returns where the next one does. */
static const char *push_answer(lua_State *lua, const char *at) {
    size_t size = line_end(at + 1);
    const char *next = at + 1 + size + 2;
    long long number = strtoll(at + 1, NULL, 10);
    switch (*at) {
    case ':':
        lua_pushnumber(lua, (lua_Number)number);
        return next;
    case '$':
        if (number < 0) {
            lua_pushboolean(lua, 0);
            return next;
        }
        lua_pushlstring(lua, next, (size_t)number);
        return next + number + 2;
    case '*':
        lua_createtable(lua, (int)number, 0);
        for (int i = 1; i <= number; i++) {
            next = push_answer(lua, next);
            lua_rawseti(lua, -2, i);
        }
        return next;
    default: /* a status; errors are raised */
        lua_newtable(lua);
        lua_pushlstring(lua, at + 1, size);
        lua_setfield(lua, -2, "ok");
        return next;
    }
}

/* ---- what scripts call */

/* Raises an error as redis.call does: a table with what was answered and with the script's line. */
static int raise(lua_State *lua, const char *error, size_t size) {
    lua_Debug caller;
    lua_newtable(lua);
    lua_pushlstring(lua, error, size);
    lua_setfield(lua, -2, "err");
    if (lua_getstack(lua, 1, &caller) != 0 && lua_getinfo(lua, "l", &caller) != 0) {
        lua_pushinteger(lua, caller.currentline);
        lua_setfield(lua, -2, "line");
    }
    return lua_error(lua);
}

static int raise_string(lua_State *lua, const char *error) {
    return raise(lua, error, strlen(error));
}

/* Numbers are written as Redis does; strings stay where they are, followed by a zero. */
static struct text argument_at(lua_State *lua, int index) {
    size_t size;
    char digits[40];
    if (lua_type(lua, index) == LUA_TNUMBER) {
        snprintf(digits, sizeof digits, "%.17g", lua_tonumber(lua, index));
        lua_pushstring(lua, digits);
        lua_replace(lua, index);
    }
    const char *data = lua_tolstring(lua, index, &size);
    return (struct text){data, (uint32_t)size};
}

static const char *refusal_of(const struct sim_scripts *scripts, const struct sim_command *command) {
    if (!command->writes)
        return NULL;
    if (scripts->refusals->writes != NULL)
        return scripts->refusals->writes;
    /* A script that has begun to write is let through to its end. */
    return command->grows && !scripts->has_written ? scripts->refusals->growth : NULL;
}

static int redis_call(lua_State *lua) {
    struct sim_scripts *scripts = lua_touserdata(lua, lua_upvalueindex(1));
    static _Thread_local struct text arguments[ARGUMENTS_MAX];
    int count = lua_gettop(lua);
    if (count == 0 || count > ARGUMENTS_MAX)
        return raise_string(lua, "ERR Please specify at least one argument for this redis.call() call");
    for (int i = 1; i <= count; i++) {
        if (!lua_isstring(lua, i))
            return raise_string(lua, "ERR Lua redis lib command arguments must be strings or integers");
        arguments[i - 1] = argument_at(lua, i);
    }
    const struct sim_command *command = sim_command_find(arguments[0]);
    if (command == NULL)
        return raise_string(lua, "ERR Unknown Redis command called from script");
    if (!sim_command_fits(command, (uint32_t)count))
        return raise_string(lua, "ERR Wrong number of args calling Redis command from script");
    const char *refusal = refusal_of(scripts, command);
    if (refusal != NULL)
        return raise_string(lua, refusal);
    struct sim_command_call call = *scripts->call;
    call.arguments = arguments;
    call.count = (uint32_t)count;
    call.out = &scripts->answer;
    buffer_clear(call.out);
    command->run(&call);
    buffer_put_u8(call.out, 0);
    assert(buffer_ok(call.out));
    const char *answer = (const char *)scripts->answer.data;
    if (*answer == '-')
        return raise(lua, answer + 1, line_end(answer + 1));
    scripts->has_written |= command->writes;
    push_answer(lua, answer);
    return 1;
}

/* struct.unpack, of eight bytes in little-endian order. */
static int struct_unpack(lua_State *lua) {
    size_t size;
    int64_t value;
    const char *format = luaL_checkstring(lua, 1), *bytes = luaL_checklstring(lua, 2, &size);
    if (strcmp(format, "<i8") != 0)
        return luaL_error(lua, "the simulation's struct.unpack knows <i8 only");
    if (size < sizeof value)
        return luaL_error(lua, "data string too short");
    memcpy(&value, bytes, sizeof value);
    lua_pushnumber(lua, (lua_Number)value);
    lua_pushinteger(lua, sizeof value + 1);
    return 2;
}

static uint32_t bits_at(lua_State *lua, int index) {
    return (uint32_t)(int64_t)luaL_checknumber(lua, index);
}

static int bit_band(lua_State *lua) {
    lua_pushnumber(lua, (int32_t)(bits_at(lua, 1) & bits_at(lua, 2)));
    return 1;
}

static int bit_lshift(lua_State *lua) {
    lua_pushnumber(lua, (int32_t)(bits_at(lua, 1) << (bits_at(lua, 2) & 31)));
    return 1;
}

static void open_library(lua_State *lua, lua_CFunction open, const char *name) {
    lua_pushcfunction(lua, open);
    lua_pushstring(lua, name);
    lua_call(lua, 1, 0);
}

static void add_function(lua_State *lua, const char *table, const char *name, lua_CFunction function, void *context) {
    lua_getglobal(lua, table);
    if (lua_isnil(lua, -1)) {
        lua_pop(lua, 1);
        lua_newtable(lua);
        lua_pushvalue(lua, -1);
        lua_setglobal(lua, table);
    }
    lua_pushlightuserdata(lua, context);
    lua_pushcclosure(lua, function, 1);
    lua_setfield(lua, -2, name);
    lua_pop(lua, 1);
}

struct sim_scripts *sim_scripts_create(void) {
    struct sim_scripts *scripts = calloc(1, sizeof *scripts);
    assert(scripts != NULL);
    scripts->lua = luaL_newstate();
    assert(scripts->lua != NULL);
    open_library(scripts->lua, luaopen_base, "");
    open_library(scripts->lua, luaopen_table, LUA_TABLIBNAME);
    open_library(scripts->lua, luaopen_string, LUA_STRLIBNAME);
    open_library(scripts->lua, luaopen_math, LUA_MATHLIBNAME);
    add_function(scripts->lua, "redis", "call", redis_call, scripts);
    add_function(scripts->lua, "struct", "unpack", struct_unpack, NULL);
    add_function(scripts->lua, "bit", "band", bit_band, NULL);
    add_function(scripts->lua, "bit", "lshift", bit_lshift, NULL);
    return scripts;
}

void sim_scripts_free(struct sim_scripts *scripts) {
    if (scripts == NULL)
        return;
    lua_close(scripts->lua);
    buffer_free(&scripts->answer);
    free(scripts);
}

void sim_scripts_forget(struct sim_scripts *scripts) {
    for (uint32_t i = 0; i < scripts->count; i++)
        scripts->scripts[i].known = false;
}

/* ---- loading and running */

static struct script *find(struct sim_scripts *scripts, struct text hash) {
    for (uint32_t i = 0; i < scripts->count; i++)
        if (hash.size == SIM_HASH_SIZE && strncasecmp(scripts->scripts[i].hash, hash.data, SIM_HASH_SIZE) == 0)
            return &scripts->scripts[i];
    return NULL;
}

/* Compiles a script, with the planted bug in it that is one of scripts. */
static int compile(lua_State *lua, struct text body) {
    static const struct {
        enum planted_bug bug;
        const char *right, *wrong;
    } changes[] = {
        {BUG_owner_unchecked, "tonumber(meta[4]) > tonumber(ARGV[4])", "false"},
    };
    lua_pushlstring(lua, body.data, body.size);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        if (!planted_is(changes[i].bug))
            continue;
        luaL_gsub(lua, lua_tostring(lua, -1), changes[i].right, changes[i].wrong);
        lua_remove(lua, -2);
    }
    size_t size;
    const char *text = lua_tolstring(lua, -1, &size);
    int status = luaL_loadbuffer(lua, text, size, "@user_script");
    lua_remove(lua, -2);
    return status;
}

void sim_scripts_load(struct sim_scripts *scripts, struct text body, struct buffer *out) {
    struct script script = {.known = true};
    sim_sha1(body, script.hash);
    struct script *found = find(scripts, text_of(script.hash));
    if (found != NULL) {
        found->known = true;
    } else if (compile(scripts->lua, body) != 0) {
        buffer_printf(out, "-ERR Error compiling script (new function): %s\r\n", lua_tostring(scripts->lua, -1));
        lua_pop(scripts->lua, 1);
        return;
    } else {
        assert(scripts->count < SCRIPTS_MAX);
        script.function = luaL_ref(scripts->lua, LUA_REGISTRYINDEX);
        scripts->scripts[scripts->count++] = script;
    }
    sim_answer_text(out, text_of(script.hash));
}

static void set_global_texts(lua_State *lua, const char *name, const struct text *texts, uint32_t count) {
    lua_createtable(lua, (int)count, 0);
    for (uint32_t i = 0; i < count; i++) {
        lua_pushlstring(lua, texts[i].data, texts[i].size);
        lua_rawseti(lua, -2, (int)i + 1);
    }
    lua_setglobal(lua, name);
}

/* Answers with the value on top of the stack; a table ends before its first nil. */
static void answer_with_top(lua_State *lua, struct buffer *out) {
    size_t size;
    uint32_t count = 0;
    switch (lua_type(lua, -1)) {
    case LUA_TSTRING: {
        const char *data = lua_tolstring(lua, -1, &size);
        sim_answer_text(out, (struct text){data, (uint32_t)size});
        break;
    }
    case LUA_TNUMBER:
        sim_answer_integer(out, (int64_t)lua_tonumber(lua, -1));
        break;
    case LUA_TBOOLEAN:
        buffer_put_string(out, lua_toboolean(lua, -1) ? ":1\r\n" : "$-1\r\n");
        break;
    case LUA_TTABLE:
        for (bool more = true; more; count += more) {
            lua_rawgeti(lua, -1, (int)count + 1);
            more = !lua_isnil(lua, -1);
            lua_pop(lua, 1);
        }
        sim_answer_array(out, count);
        for (uint32_t i = 1; i <= count; i++) {
            lua_rawgeti(lua, -1, (int)i);
            answer_with_top(lua, out);
            lua_pop(lua, 1);
        }
        break;
    default:
        sim_answer_text(out, TEXT_MISSING);
    }
}

/* What a script that failed is answered with; the error is on top of the stack. */
static void answer_with_error(struct sim_scripts *scripts, const char *hash, struct buffer *out) {
    lua_State *lua = scripts->lua;
    if (!lua_istable(lua, -1)) {
        buffer_printf(out, "-ERR %s script: %s, on @user_script.\r\n", lua_tostring(lua, -1), hash);
        return;
    }
    lua_getfield(lua, -1, "err");
    lua_getfield(lua, -2, "line");
    buffer_printf(out, "-%s script: %s, on @user_script:%d.\r\n", lua_tostring(lua, -2), hash,
                  (int)lua_tointeger(lua, -1));
    lua_pop(lua, 2);
}

void sim_scripts_run(struct sim_scripts *scripts, const struct sim_command_call *call,
                     const struct sim_refusals *refusals) {
    lua_State *lua = scripts->lua;
    struct script *script = find(scripts, call->arguments[1]);
    uint32_t keys = (uint32_t)strtoul(call->arguments[2].data, NULL, 10);
    if (script == NULL || !script->known) {
        sim_answer_error(call->out, "NOSCRIPT No matching script. Please use EVAL.");
        return;
    }
    if (keys > call->count - 3) {
        sim_answer_error(call->out, "ERR Number of keys can't be greater than number of args");
        return;
    }
    scripts->call = call;
    scripts->refusals = refusals;
    scripts->has_written = false;
    set_global_texts(lua, "KEYS", call->arguments + 3, keys);
    set_global_texts(lua, "ARGV", call->arguments + 3 + keys, call->count - 3 - keys);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, script->function);
    if (lua_pcall(lua, 0, 1, 0) == 0)
        answer_with_top(lua, call->out);
    else
        answer_with_error(scripts, script->hash, call->out);
    lua_pop(lua, 1);
    assert(lua_gettop(lua) == 0);
}
