-- Tests the effect of each setting of the server in Neovim: nvim --clean --headless -l FILE FOVEA
--
-- The test sets a setting with setup() while the server runs, as users do. Its effect must appear, and disappear when the setting is reset.
-- The table of neovim_settings.lua has a check for each setting; the test fails if a setting of docs/settings.md is missing there.
local h = dofile(vim.fs.dirname(vim.fs.normalize(vim.fn.fnamemodify(_G.arg[0], ':p'))) .. '/neovim_harness.lua')
setfenv(1, h.scope)

-- The power supplies that the server sees: none yet. Only this session writes to the cache folder.
local supplies = vim.fn.tempname()
vim.env.FOVEA_POWER_SUPPLY = supplies
vim.env.FOVEA_CACHE_DIR = vim.fn.tempname()

local config_file = begin()
indexed()

local effects = dofile(here .. '/neovim_settings.lua')(h.scope, config_file)

--- Applies settings to the running server, or to a new one.
local function with_settings(settings, restart)
  configure({ settings = settings })
  if not restart then
    return
  end
  local old = client().id
  vim.cmd.FoveaRestart()
  record(wait('a new client', function()
    return client() and client().id ~= old and client()
  end))
end

for name, effect in vim.spairs(effects) do
  test('the setting ' .. name .. ' has an effect until it is reset', function()
    vim.cmd.buffer(config_file)
    -- Some things are drawn only on visible lines.
    vim.cmd('normal! gg')
    local text = lines_of(config_file)
    local without = effect.with or {}
    local with = vim.tbl_extend('force', without, { [name] = effect.set })
    with_settings(without, effect.restart)
    if effect.before then
      effect.before()
    end
    wait('the state before the setting', function()
      return not effect.seen(without)
    end)
    with_settings(with, effect.restart)
    wait('its effect', function()
      return effect.seen(with)
    end)
    with_settings(without, effect.restart)
    vim.api.nvim_buf_set_lines(config_file, 0, -1, false, text)
    if not effect.lasts then
      wait('the end of its effect', function()
        return not effect.seen(without)
      end)
    end
    configure()
    wait('heat', function()
      return #heat(config_file) > 0 and status().health == 'ok'
    end)
  end)
end

test('every setting has a test that sees its effect', function()
  local missing, count = {}, 0
  for line in io.lines(root .. '/docs/settings.md') do
    local name = line:match('^| `fovea%.([%w.]+)`')
    count = count + (name and 1 or 0)
    if name and not effects[name] then
      table.insert(missing, name)
    end
  end
  equal(missing, {}, 'settings without a test of their effect')
  equal(count, vim.tbl_count(effects), 'number of settings')
end)

test('the server reports a setting that does not exist', function()
  local told
  local handler = vim.lsp.handlers['window/showMessage']
  vim.lsp.handlers['window/showMessage'] = function(_, params)
    told = params.message
  end
  configure({ settings = { nonsense = 1 } })
  wait('a message', function()
    return told
  end)
  vim.lsp.handlers['window/showMessage'] = handler
  assert(told:find('nonsense', 1, true), told)
  configure()
end)

finish()
