-- The Neovim plugin's health report, its help, and every way to install it: nvim --clean --headless -l FILE FOVEA
--
-- The last tests start Neovims of their own.
local h = dofile(vim.fs.dirname(vim.fs.normalize(vim.fn.fnamemodify(_G.arg[0], ':p'))) .. '/neovim_harness.lua')
setfenv(1, h.scope)

begin()
indexed()

test(':checkhealth fovea tells program, protocol, model, index and options that contradict each other', function()
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

--- A second Neovim with the plugin installed in some way, on a file of the workspace; `with` gets a function that runs Lua there.
local function installed(arguments, with)
  local job = vim.fn.jobstart(vim.list_extend({ vim.v.progpath, '--clean', '--headless', '--embed' }, arguments), {
    rpc = true,
    cwd = workspace,
    env = { PATH = vim.fs.dirname(program) .. ':' .. vim.env.PATH },
  })
  local ok, err = pcall(with, function(code)
    return vim.rpcrequest(job, 'nvim_exec_lua', code, {})
  end)
  vim.fn.jobstop(job)
  assert(ok, err)
end

local attached = "return #vim.lsp.get_clients({ name = 'fovea', bufnr = 0 }) == 1"

local function starts(arguments)
  installed(arguments, function(run)
    wait('the server in the other Neovim', function()
      return run(attached)
    end)
    wait('heat there', function()
      return run("return #vim.api.nvim_buf_get_extmarks(0, require('fovea.heat').namespace, 0, -1, {}) > 0")
    end)
    assert(run("return vim.fn.exists(':FoveaSearch') == 2"), 'no commands')
  end)
end

test('installed by putting the folder into runtimepath, it works without setup()', function()
  starts({ '--cmd', 'set rtp^=' .. root .. '/editors/neovim', 'src/settings.rs' })
end)

test('loaded late, as lazy.nvim does, it works without setup() and with it', function()
  -- lazy.nvim puts the folder into runtimepath, sources plugin/ and then calls setup() where the spec has opts.
  local load = ("vim.opt.rtp:prepend(%q) vim.cmd.source(%q)"):format(
    root .. '/editors/neovim',
    root .. '/editors/neovim/plugin/fovea.lua'
  )
  local late = "lua vim.api.nvim_create_autocmd('BufReadPost', { once = true, callback = function() %s end })"
  starts({ '--cmd', late:format(load), 'src/settings.rs' })
  starts({ '--cmd', late:format(load .. " require('fovea').setup({ heat = { strength = 0.4 } })"), 'src/settings.rs' })
end)

if vim.pack then
  test('installed where vim.pack puts a plugin, it works without setup()', function()
    local site = vim.fn.tempname()
    vim.fn.mkdir(site .. '/pack/core/opt', 'p')
    vim.fn.system({ 'cp', '-r', root .. '/editors/neovim', site .. '/pack/core/opt/fovea' })
    starts({ '--cmd', ('set packpath^=%s'):format(site), '--cmd', 'packadd fovea', 'src/settings.rs' })
    vim.fn.delete(site, 'rf')
  end)
end

test('vim.g.fovea holds the options, and false starts nothing', function()
  installed({ '--cmd', 'let g:fovea = v:false | set rtp^=' .. root .. '/editors/neovim', 'src/settings.rs' }, function(run)
    -- What would start it was scheduled before this question.
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

finish()
