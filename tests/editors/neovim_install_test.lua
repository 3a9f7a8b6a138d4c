-- The health report and help of the Neovim plugin, and every way to install it: nvim --clean --headless -l FILE FOVEA
--
-- The last tests start other Neovims.
local h = dofile(vim.fs.dirname(vim.fs.normalize(vim.fn.fnamemodify(_G.arg[0], ':p'))) .. '/neovim_harness.lua')
setfenv(1, h.scope)

begin()
indexed()

test(':checkhealth fovea reports program, protocol, model, index and contradictory options', function()
  local function report()
    vim.cmd('silent checkhealth fovea')
    local text = table.concat(lines_of(0), '\n')
    vim.cmd.bwipeout()
    return text
  end
  local text = report()
  for _, part in ipairs({ 'fovea %d', 'speaks protocol 1', 'model all%-MiniLM', 'index: .*%d items', 'options are valid' }) do
    assert(text:find(part), part .. ' is missing in ' .. text)
  end
  assert(not text:find('ERROR', 1, true), text)
  configure({ settings = { heat = { enable = false }, ['codeLens.enable'] = false }, heat = { strength = -1 } })
  text = report()
  assert(text:find('settings.heat.enable is false', 1, true), text)
  assert(text:find('settings.codeLens.enable is false', 1, true), text)
  assert(text:find('heat.strength should be', 1, true), text)
  configure()
  local capabilities = client().server_capabilities.experimental.fovea
  capabilities.protocol = 7
  text = report()
  capabilities.protocol = 1
  assert(text:find('speaks protocol 7, the plugin 1', 1, true), text)
end)

test('the help has tags for every command, and all its references exist', function()
  local doc = workspace .. '/doc'
  vim.fn.mkdir(doc)
  vim.fn.system({ 'cp', root .. '/editors/neovim/doc/fovea.txt', doc })
  vim.cmd.helptags(doc)
  -- The tags are part of the plugin: no way to install it creates them for a folder inside a repository.
  equal(vim.fn.readfile(root .. '/editors/neovim/doc/tags'), vim.fn.readfile(doc .. '/tags'), 'doc/tags; run :helptags on the folder')
  local tags = {}
  for _, line in ipairs(vim.fn.readfile(doc .. '/tags')) do
    tags[line:match('^[^\t]+')] = true
  end
  for name in pairs(vim.api.nvim_get_commands({})) do
    assert(not name:find('^Fovea') or tags[':' .. name], ('no tag for :%s'):format(name))
  end
  local core = {}
  for line in io.lines(vim.env.VIMRUNTIME .. '/doc/tags') do
    core[line:match('^[^\t]+')] = true
  end
  for link in io.open(doc .. '/fovea.txt'):read('*a'):gmatch('|([^|%s]+)|') do
    assert(tags[link] or core[link], 'no such tag: ' .. link)
  end
end)

--- Starts a second Neovim with the plugin on a file of the workspace; `with` gets a function that runs Lua there.
---@param environment? table<string, string>
local function installed(arguments, with, environment)
  local job = vim.fn.jobstart(vim.list_extend({ vim.v.progpath, '--clean', '--headless', '--embed' }, arguments), {
    rpc = true,
    cwd = workspace,
    env = vim.tbl_extend('force', { PATH = vim.fs.dirname(program) .. ':' .. vim.env.PATH }, environment or {}),
  })
  local ok, err = pcall(with, function(code)
    return vim.rpcrequest(job, 'nvim_exec_lua', code, {})
  end)
  vim.fn.jobstop(job)
  assert(ok, err)
end

local attached = "return #vim.lsp.get_clients({ name = 'fovea', bufnr = 0 }) == 1"

--- Waits until the server has analyzed the file in the other Neovim, where `run` runs Lua.
local function works(run)
  wait('the server in the other Neovim', function()
    return run(attached)
  end)
  wait('heat there', function()
    return run("return #vim.api.nvim_buf_get_extmarks(0, require('fovea.heat').namespace, 0, -1, {}) > 0")
  end)
  assert(run("return vim.fn.exists(':FoveaSearch') == 2"), 'no commands')
end

local function starts(arguments)
  installed(arguments, works)
end

-- A repository to clone, made from the current working tree; no network is used.
local repository = vim.fn.tempname()
vim.fn.mkdir(repository .. '/editors', 'p')
vim.fn.system({ 'cp', '-r', root .. '/editors/neovim', repository .. '/editors' })
for _, arguments in ipairs({ { 'init', '-q', '-b', 'main' }, { 'add', '-A' }, { 'commit', '-q', '-m', 'The plugin' } }) do
  local git = { 'git', '-C', repository, '-c', 'user.name=test', '-c', 'user.email=test@example.org' }
  local told = vim.fn.system(vim.list_extend(git, arguments))
  assert(vim.v.shell_error == 0, told)
end
local url = 'file://' .. repository

--- The lines of the README for a way to install, with placeholders replaced by this repository.
local function lines_for(way)
  local text = io.open(root .. '/editors/neovim/README.md'):read('*a')
  for block in text:gmatch('```lua\n(.-)```') do
    if block:find('-- ' .. way, 1, true) then
      return (block:gsub('<URL of this repository>', function()
        return url
      end):gsub('/path/to/fovea/editors', function()
        return root .. '/editors'
      end))
    end
  end
  error('the README has no lines for ' .. way)
end

--- Writes a Lua file for a new Neovim with separate folders.
local function script(lines)
  local home = vim.fn.tempname()
  vim.fn.mkdir(home, 'p')
  local path = home .. '/init.lua'
  vim.fn.writefile(vim.split(lines, '\n'), path)
  return path, { XDG_DATA_HOME = home, XDG_STATE_HOME = home, XDG_CONFIG_HOME = home, XDG_CACHE_HOME = home }
end

--- Fails unless the server, `:h fovea` and `:checkhealth fovea` work with the lines as init.lua.
local function works_with(lines)
  local path, environment = script(lines)
  installed({ '-u', path, 'src/settings.rs' }, function(run)
    works(run)
    run("vim.cmd.help('fovea') return 0")
    assert(run("return vim.api.nvim_buf_get_name(0)"):find('doc/fovea.txt$'), 'no help')
    run("vim.cmd('silent checkhealth fovea') return 0")
    assert(run("return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\\n')"):find('fovea: program', 1, true), 'no health')
    local messages = run("return vim.fn.execute('messages')")
    assert(not messages:find('Error') and not messages:find('E%d+:'), messages)
  end, environment)
end

test('the README\'s line for plain runtimepath works', function()
  works_with(lines_for('plain'))
end)

test('the README\'s lines for lazy.nvim work', function()
  local lines = lines_for('lazy.nvim')
  local lazy = vim.env.FOVEA_LAZY_NVIM
  if lazy then
    -- The real lazy.nvim, if its folder is given. (Its reset of 'runtimepath' would drop the parsers of an unpacked Neovim.)
    works_with(([[
vim.opt.rtp:prepend(%q)
vim.fn.mkdir(vim.fn.stdpath('config') .. '/lua', 'p')
require('lazy').setup({ spec = { (loadstring or load)('return ' .. %q)() }, performance = { rtp = { reset = false } }, rocks = { enabled = false }, checker = { enabled = false } })
]]):format(lazy, (lines:gsub('%-%-[^\n]*\n', ''))))
  end
  -- The steps of lazy.nvim for a spec: clone, runtimepath, plugin/, and then config() with the plugin.
  works_with(([[
local spec = (loadstring or load)('return ' .. %q)()
local dir = vim.fn.stdpath('data') .. '/lazy/' .. spec.name
assert(spec.lazy == false and spec.url)
vim.fn.system({ 'git', 'clone', '-q', spec.url, dir })
vim.opt.rtp:prepend(dir)
spec.config({ dir = dir, name = spec.name }, spec.opts)
]]):format((lines:gsub('%-%-[^\n]*\n', ''))))
end)

if vim.pack then
  test('the README\'s lines for vim.pack work', function()
    -- vim.pack asks before it installs.
    works_with('vim.fn.confirm = function() return 1 end\n' .. lines_for('vim.pack'))
  end)
end

test('the plugin works if it is loaded late, with and without setup()', function()
  local load = ("vim.opt.rtp:prepend(%q) vim.cmd.source(%q)"):format(
    root .. '/editors/neovim',
    root .. '/editors/neovim/plugin/fovea.lua'
  )
  local late = "lua vim.api.nvim_create_autocmd('BufReadPost', { once = true, callback = function() %s end })"
  starts({ '--cmd', late:format(load), 'src/settings.rs' })
  starts({ '--cmd', late:format(load .. " require('fovea').setup({ heat = { strength = 0.4 } })"), 'src/settings.rs' })
end)

--- The messages of another Neovim; `path` is its PATH, `options` the options of setup(), nil for no call.
local function told(path, options, wanted)
  local lines = ([[
_G.told = {}
vim.notify = function(message) table.insert(_G.told, message) end
vim.opt.rtp:append(%q)
]]):format(root .. '/editors/neovim')
  if options then
    lines = lines .. ("require('fovea').setup(%s)\n"):format(options)
  end
  local init, environment = script(lines)
  environment.PATH = path
  local text
  installed({ '-u', init, 'src/settings.rs' }, function(run)
    wait('a message', function()
      text = run("return table.concat(_G.told, '\\n')")
      return text:find(wanted)
    end)
    -- The message appears once, also after opening another file.
    run("vim.cmd.edit('src/config.rs') return 0")
    vim.wait(200)
    local _, count = run("return table.concat(_G.told, '\\n')"):gsub(wanted, '')
    equal(count, 1, 'number of messages')
    local messages = text .. run("return vim.fn.execute('messages')")
    for _, part in ipairs({ 'stack traceback', 'vim.NIL', '%.lua:%d' }) do
      assert(not messages:find(part), messages)
    end
  end, environment)
  return text
end

local tools = '/usr/bin:/bin'

test('a missing program is reported once with advice, with and without setup()', function()
  for _, options in ipairs({ false, '{}', '{ cmd = { "/nowhere/fovea", "serve" } }' }) do
    local text = told(tools, options or nil, options == '{}' and 'not in PATH' or options and 'is not a program' or 'not in PATH')
    for _, part in ipairs({ 'cargo install', 'cmd = {', ':checkhealth fovea' }) do
      assert(text:find(part, 1, true), part .. ' is missing in ' .. text)
    end
  end
end)

--- A folder with a program `fovea` that is a script.
local function fake(lines)
  local folder = vim.fn.tempname()
  vim.fn.mkdir(folder, 'p')
  vim.fn.writefile(lines, folder .. '/fovea')
  vim.fn.setfperm(folder .. '/fovea', 'rwxr-xr-x')
  return folder
end

test('a program that is too old is reported with advice', function()
  -- This program does not know `serve`.
  local old = fake({ '#!/bin/sh', 'echo "error: unrecognized subcommand serve" >&2', 'exit 2' })
  local text = told(old .. ':' .. tools, nil, 'ended by itself')
  assert(text:find('code 2', 1, true) and text:find('update the program', 1, true) and text:find(old .. '/fovea', 1, true), text)
  -- This server does not know Fovea's protocol.
  old = fake({ '#!/bin/sh', ('exec python3 %s'):format(here .. '/second_server.py') })
  text = told(old .. ':' .. tools, nil, 'too old for this plugin')
  assert(text:find('update the program, then :FoveaRestart', 1, true) and text:find(old .. '/fovea', 1, true), text)
end)

test('vim.g.fovea holds the options, and false starts nothing', function()
  installed({ '--cmd', 'let g:fovea = v:false | set rtp^=' .. root .. '/editors/neovim', 'src/settings.rs' }, function(run)
    -- A start would have been scheduled before this check.
    assert(not run(attached), 'it started')
    assert(not run("return require('fovea').started or false"), 'it started')
  end)
  local options = "let g:fovea = #{heat: #{strength: 0.3}} | set rtp^=" .. root .. '/editors/neovim'
  installed({ '--cmd', options, 'src/settings.rs' }, function(run)
    wait('the server in the other Neovim', function()
      return run(attached)
    end)
    equal(run("return require('fovea.config').options.heat.strength"), 0.3, 'strength')
  end)
end)

vim.fn.delete(repository, 'rf')
finish()
