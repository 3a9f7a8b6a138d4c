-- Checks of the effect of each setting in Neovim: the table of neovim_settings_test.lua, by the name of the setting.
--
-- Returns a function of the tests' shared scope and of the buffer under test.
---@param scope table
---@param config_file integer
return function(scope, config_file)
  setfenv(1, scope)

  --- The server's answer about the document or a position in it; false for null.
  local function ask(method, params)
    local answer
    require('fovea.client').request(client(), method, params, function(_, result)
      answer = { result or false }
    end, config_file)
    return wait('an answer to ' .. method, function()
      return answer
    end)[1]
  end

  local function document()
    return { textDocument = vim.lsp.util.make_text_document_params(config_file) }
  end

  local function ask_at(method, text)
    close_floats()
    go(config_file, text)
    return ask(method, vim.lsp.util.make_position_params(0, client().offset_encoding))
  end

  local function hover_text(text)
    local answer = ask_at('textDocument/hover', text)
    return answer and answer.contents.value or ''
  end

  local function is_off(reason)
    return fovea.status(config_file):find('^fovea off: ' .. reason) ~= nil
  end

  --- Inserts a new line that the model has not read yet.
  local words = 0
  local function write_something_new()
    words = words + 1
    local line = ('// Spreads marmalade: %d %s'):format(words, vim.fn.sha256(tostring(vim.uv.hrtime())):sub(1, 8))
    vim.api.nvim_buf_set_lines(config_file, 0, 0, false, { line })
  end

  --- The process of the server.
  local function pid()
    for _, child in ipairs(vim.api.nvim_get_proc_children(vim.fn.getpid())) do
      if vim.uv.fs_readlink(('/proc/%d/exe'):format(child)) == program then
        return child
      end
    end
  end

  local function pool()
    local threads = vim.fn.glob(('/proc/%d/task/*/comm'):format(pid()), true, true)
    return #vim.tbl_filter(function(thread)
      local ok, name = pcall(vim.fn.readfile, thread)
      return ok and vim.startswith(name[1] or '', 'fovea-pool')
    end, threads)
  end

  local function results()
    local found = vim.fs.find('results.sqlite', { path = vim.env.FOVEA_CACHE_DIR, type = 'file' })[1]
    return found or error('no results file')
  end

  --- Whether the server has the results file open.
  local function keeps_results()
    local file = results()
    return vim.iter(vim.fn.glob(('/proc/%d/fd/*'):format(pid()), true, true)):any(function(descriptor)
      return vim.uv.fs_readlink(descriptor) == file
    end)
  end

  -- Neovim's log contains the server's stderr.
  local log = vim.lsp.log and vim.lsp.log.get_filename and vim.lsp.log.get_filename() or vim.lsp.get_log_path()
  local function logs(action, text)
    local before = vim.fn.getfsize(log)
    action()
    -- Answers come in order, so this request waits for the earlier ones.
    ask_at('textDocument/hover', 'read_to_string')
    local file = io.open(log)
    if not file then
      return false
    end
    file:seek('set', math.max(before, 0))
    local new = file:read('*a')
    file:close()
    return new:find(text, 1, true) ~= nil
  end

  local function no_lenses()
    return vim.tbl_isempty(lenses(config_file)) and #(ask('textDocument/codeLens', document()) or {}) == 0
  end

  local function once_read()
    complete(config_file)
  end

  local function near_duplicates()
    return #vim.tbl_filter(function(diagnostic)
      return diagnostic.message:find('Nearly the same', 1, true) ~= nil
    end, vim.diagnostic.get(config_file))
  end

  local supplies = vim.env.FOVEA_POWER_SUPPLY
  local usual, hinting

  -- `set`: the value; `seen`: whether the effect is visible now, with the current settings; `with`: other settings, before and during the
  -- test; `before`: the first action; `restart`: a server reads it at the start; `lasts`: resetting it has no effect.
  return {
    ['enable'] = {
      set = false,
      seen = function()
        return #heat(config_file) == 0 and is_off('.*fovea.enable')
      end,
    },
    ['languages'] = {
      set = { 'python' },
      seen = function()
        return is_off('.*fovea.languages')
      end,
    },
    ['excludePatterns'] = {
      set = { '**/config.rs' },
      seen = function()
        return is_off('.*exclude')
      end,
    },
    ['maxFileBytes'] = {
      set = 1000,
      seen = function()
        return is_off('.*fovea.maxFileBytes')
      end,
    },
    ['maxLineBytes'] = {
      set = 100,
      before = function()
        -- Without a screen, 0.12.4 fails at a line that it must wrap.
        vim.wo.wrap = false
        vim.api.nvim_buf_set_lines(config_file, -1, -1, false, { '// ' .. ('long '):rep(40) })
      end,
      seen = function()
        return is_off('.*line %d+ has %d+ bytes')
      end,
    },
    ['threads'] = {
      set = 7,
      seen = function()
        return pool() == 7
      end,
    },
    ['debounceMs'] = {
      set = 2000,
      seen = function()
        local count, start = #received[config_file], vim.uv.hrtime()
        write_something_new()
        complete(config_file, count)
        -- The delay is a minimum on any machine.
        return vim.uv.hrtime() - start >= 2e9
      end,
    },
    ['method'] = {
      set = 'norm',
      seen = function()
        return fovea.status(config_file):find('norm', 1, true) ~= nil
          and (require('fovea.heat').last(config_file) or {}).method == 'norm'
      end,
    },
    ['identifierAware'] = {
      set = false,
      before = once_read,
      seen = function()
        -- The explanation of a name of several words changes if the model reads it as one word.
        local shown = heat(config_file)
        if #shown == 0 then
          return false
        end
        usual = usual or shown
        return not vim.deep_equal(shown, usual)
      end,
    },
    ['hover.enable'] = {
      set = false,
      seen = function()
        return hover_text('configuration file') == ''
      end,
    },
    ['hover.details'] = {
      set = true,
      seen = function()
        local text = hover_text('configuration file')
        return text:find('%d ?%%') ~= nil and text:find('decomposition', 1, true) ~= nil
      end,
    },
    ['hover.words'] = {
      set = 0,
      seen = function()
        local text = hover_text('configuration file')
        return text ~= '' and not text:find('reads it with', 1, true)
      end,
    },
    ['hover.deadlineMs'] = {
      set = 0,
      seen = function()
        write_something_new()
        return hover_text('marmalade') == ''
      end,
    },
    ['codeLens.enable'] = {
      set = false,
      before = once_read,
      seen = no_lenses,
    },
    ['codeLens.minSimilarity'] = {
      set = 0.99,
      before = once_read,
      seen = no_lenses,
    },
    ['lens.detail'] = {
      set = 'all',
      before = function()
        -- Too short for lenses by default.
        vim.api.nvim_buf_set_lines(config_file, -1, -1, false, {
          'fn bar_width(bar: &ProgressBar) -> usize { bar.width_in_cells }',
          'fn bar_height(bar: &ProgressBar) -> usize { bar.height_in_cells }',
        })
        -- Neovim 0.12 resolves only visible lenses.
        vim.cmd('normal! G')
        once_read()
      end,
      seen = function()
        return vim.iter(vim.tbl_values(lenses(config_file))):any(function(lens)
          return lens:find('bar_height') ~= nil
        end)
      end,
    },
    ['index.enable'] = {
      set = false,
      seen = function()
        return status().index == nil
      end,
    },
    ['index.onBattery'] = {
      set = true,
      before = function()
        vim.fn.mkdir(supplies .. '/BAT0', 'p')
        vim.fn.writefile({ 'Battery' }, supplies .. '/BAT0/type')
        vim.fn.writefile({ 'Discharging' }, supplies .. '/BAT0/status')
        vim.cmd.FoveaUpdateIndex()
        wait('the battery in the status', function()
          return (status().index or {}).state == 'battery'
        end)
      end,
      seen = function()
        return status().index.state == 'ready'
      end,
    },
    ['inlayHint.enable'] = {
      set = true,
      seen = function()
        local supported = require('fovea.client').supports(client(), 'textDocument/inlayHint', config_file)
        if supported ~= hinting then
          -- Neovim asks for hints when they are turned on, and only servers that support them at that time.
          hinting = supported
          vim.lsp.inlay_hint.enable(false, { bufnr = config_file })
          vim.lsp.inlay_hint.enable(true, { bufnr = config_file })
        end
        local row = find(config_file, 'fn load_config')
        local hints = supported and vim.lsp.inlay_hint.get({ bufnr = config_file }) or {}
        return vim.iter(hints):any(function(hint)
          return hint.inlay_hint.position.line == row and vim.inspect(hint.inlay_hint.label):find('≈ 0%.%d+ read_settings') ~= nil
        end)
      end,
    },
    ['documentColor.enable'] = {
      set = true,
      -- 0.10 supports neither registration nor document colors; there only a plugin would ask.
      restart = not vim.lsp.document_color,
      before = function()
        if vim.lsp.document_color then
          -- Without a screen, 0.12.4 fails at the swatches that it puts before words by default.
          vim.lsp.document_color.enable(true, nil, { style = 'background' })
        end
      end,
      seen = function()
        if vim.lsp.document_color then
          vim.cmd.redraw()
          local name = 'nvim.lsp.document_color:' .. client().id
          return vim.api.nvim_get_namespaces()[name] ~= nil and #marks(config_file, name) > 0
        end
        return client().supports_method('textDocument/documentColor') and #(ask('textDocument/documentColor', document()) or {}) > 0
      end,
    },
    ['diagnostics.enable'] = {
      set = true,
      with = { ['diagnostics.minSimilarity'] = 0.7 },
      seen = function()
        return near_duplicates() > 0
      end,
    },
    ['diagnostics.minSimilarity'] = {
      set = 0.7,
      with = { ['diagnostics.enable'] = true },
      seen = function()
        return near_duplicates() > 0
      end,
    },
    ['highlight.enable'] = {
      set = false,
      seen = function()
        return #(ask_at('textDocument/documentHighlight', 'read_to_string') or {}) == 0
      end,
    },
    ['highlight.attention'] = {
      set = 'always',
      seen = function()
        local answer = ask_at('textDocument/documentHighlight', 'read_to_string') or {}
        return vim.iter(answer):any(function(highlight)
          -- Occurrences have the kind Text; words that a word draws on have Read or Write.
          return highlight.kind ~= 1
        end)
      end,
    },
    ['heat.preset'] = {
      set = 'quiet',
      with = { ['heat.preset'] = 'full' },
      seen = function()
        return #heat(config_file) > 0 and #heat(config_file) < 30 and status().preset == 'quiet'
      end,
    },
    ['heat.enable'] = {
      set = false,
      seen = function()
        return #heat(config_file) == 0 and status().heat == false
      end,
    },
    ['classify.probe'] = {
      set = '/nowhere.json',
      seen = function()
        return status().health == 'warning' and status().message:find('/nowhere.json does not exist', 1, true) ~= nil
      end,
    },
    ['model.dir'] = {
      set = '/nowhere',
      seen = function()
        return status().health == 'error' and fovea.status(config_file):find('/nowhere', 1, true) ~= nil
      end,
    },
    ['model.generator'] = {
      set = root .. '/tests/fixtures/tiny-chat',
      seen = function()
        local question = { question = 'how is a configuration file read?', uri = vim.uri_from_bufnr(config_file) }
        return ask('workspace/executeCommand', { command = 'fovea.ask', arguments = { question } }).writes == true
      end,
    },
    ['cache.disk'] = {
      set = false,
      seen = function()
        return not keeps_results()
      end,
    },
    ['cache.diskMegabytes'] = {
      set = 1,
      -- Evicted results do not come back.
      lasts = true,
      -- The index would move between file and memory together with the results.
      with = { ['index.enable'] = false },
      before = function()
        -- More than a megabyte of results.
        local verbs, nouns, lines = { 'read', 'parse', 'open', 'close', 'sort' }, { 'config', 'line', 'value', 'queue', 'file' }, {}
        for i = 0, 749 do
          local verb, noun = verbs[i % 5 + 1], nouns[math.floor(i / 5) % 5 + 1]
          local from, to = nouns[math.floor(i / 25) % 5 + 1], verbs[math.floor(i / 125) + 1]
          local name = ('%s_%s_%s'):format(verb, noun, from)
          vim.list_extend(lines, { ('function %s(%s) return %s * %d + %d end'):format(name, to, to, i, i % 7), '' })
        end
        -- The file is in another language, because so many functions would change the mean of this one.
        local many = vim.fn.tempname() .. '.lua'
        vim.fn.writefile(lines, many)
        complete(open(many))
        vim.cmd.buffer(config_file)
      end,
      seen = function(settings)
        -- The server enforces the limit when it writes; the file has its final size when it is closed.
        local count, file = #received[config_file], results()
        write_something_new()
        complete(config_file, count)
        configure({ settings = vim.tbl_extend('force', settings, { ['cache.disk'] = false }) })
        wait('the file closed', function()
          return not keeps_results()
        end)
        local bytes = vim.fn.getfsize(file)
        configure({ settings = settings })
        wait('the file open', keeps_results)
        return bytes <= 2 ^ 20
      end,
    },
    ['positionEncoding'] = {
      set = 'utf-32',
      restart = true,
      seen = function()
        return client().offset_encoding == 'utf-32'
      end,
    },
    ['log.level'] = {
      set = 'trace',
      seen = function()
        return logs(function()
          require('fovea.client').notify(client(), '$/nobodyKnows', {})
        end, 'ignored a notification')
      end,
    },
    ['log.slowMs'] = {
      set = 1,
      with = { ['log.level'] = 'info' },
      seen = function()
        return logs(function()
          ask('fovea/explain', document())
        end, 'slow request')
      end,
    },
  }
end
